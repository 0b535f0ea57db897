"""The topics of this room and what is found in each by file name, as composition does for rooms.

`commands` (`app`, its commands appear under `golive db`) · `pages` (`urlpatterns`) · `api` (`router`) · `tasks`
(`PERIODIC`, `SERVICES`). A topic's `models.py` is imported in the room's own, its golive.toml table is a field of
`DatabaseSection`. Copy a folder to start the next.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
NOT_TOPICS = {"migrations"}


def names() -> list[str]:
    """All topics, in the order of their names."""
    return sorted(
        found.name for found in pkgutil.iter_modules([str(HERE)]) if found.ispkg and found.name not in NOT_TOPICS
    )


def modules(name: str) -> Iterator[tuple[str, ModuleType]]:
    """Every topic's module of this name, as (topic, module)."""
    for topic in names():
        path = f"golive.postgres.{topic}.{name}"
        if find_spec(path) is not None:
            yield topic, import_module(path)
