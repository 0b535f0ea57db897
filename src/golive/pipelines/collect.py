"""Taking files out of a workspace that its step could have prepared against us: no link is ever followed."""

import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from golive.pipelines.globs import matches

LARGEST_FILE = 1 << 30
LARGEST_REPORT = 32 << 20


def found(work: Path, patterns: Sequence[str], leave_out: Sequence[str] = ()) -> Iterator[str]:
    """Paths below `work` that the patterns mean: files, and links as such. Folders behind links are not entered."""
    if not patterns:
        return
    for place, folders, files in os.walk(work, followlinks=False):
        folders[:] = sorted(name for name in folders if name != ".git")
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = os.path.relpath(os.path.join(place, name), work)  # noqa: PTH118 (called for every file)
            if matches(path, patterns) and not (leave_out and matches(path, leave_out)):
                yield path


def read(work: Path, path: str, largest: int = LARGEST_REPORT) -> bytes | None:
    """A regular file's content; None when it is a link, anything else, or too large."""
    try:
        descriptor = os.open(work / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or status.st_size > largest:
            return None
        return file.read(largest)


def pack(work: Path, patterns: Sequence[str], target: Path) -> int:
    """Pack what the patterns mean into a tar file; how many there were. Links are kept as links."""
    count = 0
    draft = target.with_suffix(".draft")
    with tarfile.open(draft, "w") as packed:
        for path in found(work, patterns):
            status = (work / path).lstat()
            if status.st_size > LARGEST_FILE or not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                continue
            packed.add(work / path, path, recursive=False, filter=_anonymous)
            count += 1
    draft.replace(target)
    return count


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def unpack(source: Path, work: Path) -> None:
    """Unpack into a workspace; nothing may land outside of it."""
    with tarfile.open(source) as packed:
        packed.extractall(work, filter="tar")
