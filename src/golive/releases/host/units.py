"""Units: what shall run on this host, as files that the keeper follows. One writer each: we write units, it states."""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from golive.kit.folders import write_private
from golive.releases.host.place import Place


@dataclass(frozen=True)
class Unit:
    """One process that is kept running. `environment` is all it gets; it holds secrets, so the file is private."""

    name: str
    command: tuple[str, ...]
    folder: str
    environment: dict[str, str] = field(default_factory=dict)
    stop_seconds: float = 10.0


@dataclass(frozen=True)
class Standing:
    """What the keeper says about a unit. `created` is the kernel's start time: a pid alone may be another's."""

    pid: int | None = None
    created: float | None = None
    state: str = "unknown"  # starting, running, waiting (to start again), stopped, unknown
    restarts: int = 0
    ended: str = ""
    since: float = 0.0

    @property
    def alive(self) -> bool:
        return is_alive(self.pid, self.created)


class Supervisor(Protocol):
    """Keeps units running: our keeper, or systemd where it is process 1."""

    def start(self, wanted: list[Unit]) -> None: ...

    def stop(self, names: list[str]) -> None: ...

    def standing(self, name: str) -> Standing: ...

    def ensure(self) -> bool:
        """Have the supervisor itself run; True when it had to be started."""
        ...


def is_alive(pid: int | None, created: float | None) -> bool:
    """Whether the process with this pid and start time runs."""
    if pid is None or created is None:
        return False
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def created(pid: int | None) -> float | None:
    """The kernel's start time of a process."""
    try:
        return psutil.Process(pid).create_time() if pid else None
    except psutil.Error:
        return None


def write(place: Place, unit: Unit) -> None:
    write_private(place.units / f"{unit.name}.json", json.dumps(asdict(unit)).encode())


def remove(place: Place, name: str) -> None:
    (place.units / f"{name}.json").unlink(missing_ok=True)


def read(path: Path) -> Unit | None:
    """The unit in a file; None when it has gone or is not one."""
    try:
        kept = json.loads(path.read_text())
        return Unit(**{**kept, "command": tuple(kept["command"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def names(place: Place) -> list[str]:
    """The names of all units that shall run."""
    return sorted(path.stem for path in place.units.glob("*.json"))


def standing(place: Place, name: str) -> Standing:
    """What the keeper last wrote about a unit."""
    try:
        return Standing(**json.loads((place.states / f"{name}.json").read_text()))
    except (OSError, ValueError, TypeError):
        return Standing()


def wait_gone(place: Place, gone: list[str], seconds: float) -> bool:
    """Wait until none of the units runs any more."""
    end = time.monotonic() + seconds
    while any(standing(place, name).alive for name in gone):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def last_words(place: Place, name: str, lines: int = 12) -> str:
    """The end of what a unit wrote."""
    try:
        with (place.logs / f"{name}.log").open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 8000))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
