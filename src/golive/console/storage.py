"""Static files carry their content's age in the address, so browsers may keep them for a year."""

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


@cache
def version(name: str) -> str:
    """A short word that changes with the file; looked up once per process."""
    found = finders.find(name)
    if not found:
        return ""
    about = Path(str(found)).stat()
    return f"{about.st_mtime_ns // 1_000_000:x}{about.st_size:x}"


class VersionedStorage(StaticFilesStorage):
    """`{% static %}` with `?v=`."""

    def url(self, name: str | None) -> str:
        address = super().url(name)
        word = version(name or "")
        return f"{address}?v={word}" if word else address
