"""The rooms of the house, lowest first, and what composition finds in each by file name.

`models` tables · `pages` (`urlpatterns`, `NAVIGATION`) · `api` (`router`) · `commands` (`app`) · `section`
(golive.toml) · `tasks` (`PERIODIC`, `SERVICES`) · `panels` (home page, search) ·
`gates` (of deploys) · `lanes` (branches that go fast).
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

ROOMS = (
    "config",
    "people",
    "jobs",
    "console",
    "telemetry",
    "sandbox",
    "notify",
    "oncall",
    "changes",
    "journeys",
    "alerts",
    "checks",
    "errors",
    "traces",
    "logs",
    "business",
    "postgres",
    "rules",
    "flags",
    "releases",
    "pipelines",
    "incidents",
    "statuspage",
    "support",
    "readiness",
)


def modules(name: str) -> Iterator[tuple[str, ModuleType]]:
    """Every room's module of this name, as (room, module), in the order of the house."""
    for room in ROOMS:
        path = f"golive.{room}.{name}"
        if find_spec(path) is not None:
            yield room, import_module(path)
