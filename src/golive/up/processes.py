"""The five processes as data: what runs, how it shows that it is ready, how long it may take to stop."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from golive.up.ready import beats, http_answers, store_answers

Probe = Callable[[], str | None]


@dataclass(frozen=True)
class Place:
    """Where an install lives and listens; `url` is the console as people reach it."""

    data: Path
    host: str
    port: int
    ingest_port: int
    url: str
    embedded_store: bool

    @property
    def ingest_url(self) -> str:
        return f"http://{self.local}:{self.ingest_port}"

    @property
    def local(self) -> str:
        """An address by which this machine reaches itself."""
        return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104


@dataclass(frozen=True)
class Process:
    """One supervised program. `probe` returns None when it answers, else what is wrong.

    A process that has been ready and then fails its probe for `patience_seconds` is killed and started again.
    """

    name: str
    command: tuple[str, ...]
    probe: Probe
    stop_seconds: float = 10.0
    start_seconds: float = 60.0
    patience_seconds: float = 60.0


def processes(place: Place) -> list[list[Process]]:
    """The processes in groups: a group starts when the one before is ready, and stops before it."""
    python = (sys.executable, "-m")
    run = place.data / "run"
    store = Process("store", (*python, "golive.telemetry.server"), lambda: store_answers(run / "store.json"), 20.0)
    web = (
        *(*python, "uvicorn", "golive.asgi:application", "--host", place.host, "--port", str(place.port)),
        *("--no-access-log", "--lifespan", "off", "--ws", "none", "--timeout-graceful-shutdown", "4"),
    )
    rest = [
        Process("pager", (*python, "golive.pager"), lambda: beats(run / "pager.beat"), 15.0),
        Process(
            "ingest",
            (*python, "golive.ingest"),
            lambda: http_answers(f"{place.ingest_url}/healthz"),
            15.0,
        ),
        Process("web", web, lambda: http_answers(f"http://{place.local}:{place.port}/healthz"), 6.0),
        Process("jobs", (*python, "golive.jobs"), lambda: beats(run / "jobs.beat"), 15.0),
    ]
    return [[store], rest] if place.embedded_store else [rest]


def environment(place: Place, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the processes are told, on top of the caller's own environment."""
    return {
        **base,
        "GOLIVE_DATA": str(place.data),
        "GOLIVE_URL": place.url,
        "GOLIVE_HOST": place.host,
        "GOLIVE_PORT": str(place.port),
        "GOLIVE_INGEST_PORT": str(place.ingest_port),
        "DJANGO_SETTINGS_MODULE": "golive.settings",
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": base.get("MALLOC_ARENA_MAX", "2"),  # many threads would otherwise hold memory for nothing
    }
