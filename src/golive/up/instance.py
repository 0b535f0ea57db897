"""One supervisor for one data folder: the lock, the status file, and what a killed supervisor left behind."""

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from golive.kit.folders import write_private


class AlreadyRunning(Exception):
    """Another `golive up` owns this data folder."""


@dataclass
class Entry:
    """What the status file says about one process. Times are seconds since 1970."""

    pid: int | None = None
    created: float | None = None  # the kernel's start time: a pid alone may have been given to another
    state: str = "stopped"  # stopped, starting, ready, failing, waiting
    since: float | None = None
    restarts: int = 0
    problem: str = ""


@dataclass
class Status:
    """The status file DATA/run/up.json, from which `golive status` and the next supervisor read."""

    pid: int
    created: float
    since: float
    url: str
    ingest_url: str
    processes: dict[str, Entry] = field(default_factory=dict)

    def save(self, data: Path) -> None:
        # A full disk must not stop what runs; the file is then out of date.
        with contextlib.suppress(OSError):
            write_private(status_file(data), json.dumps(asdict(self), indent=1).encode())


def status_file(data: Path) -> Path:
    return data / "run" / "up.json"


def load(data: Path) -> Status | None:
    """The last status written here, or None."""
    try:
        kept: dict[str, Any] = json.loads(status_file(data).read_text())
        kept["processes"] = {name: Entry(**entry) for name, entry in kept["processes"].items()}
        return Status(**kept)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def same_process(pid: int | None, created: float | None) -> psutil.Process | None:
    """The living process with this pid and start time, or None."""
    if pid is None or created is None:
        return None
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - created) < 1.0 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.Error:
        pass
    return None


def lock(data: Path) -> IO[str]:
    """Take the data folder for as long as the returned file is open. Raises AlreadyRunning."""
    path = data / "run" / "up.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        before = load(data)
        by = f" (pid {before.pid}, console {before.url})" if before else ""
        raise AlreadyRunning(f"golive is already up on {data}{by}; stop it first, or use another --data.") from None
    os.set_inheritable(file.fileno(), False)
    return file


def end_leftovers(data: Path, patience_seconds: float = 8.0) -> list[str]:
    """End processes that outlived a killed supervisor of this folder. Returns their names."""
    before = load(data)
    if before is None:
        return []
    left = {name: found for name, e in before.processes.items() if (found := same_process(e.pid, e.created))}
    for process in left.values():
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(list(left.values()), timeout=patience_seconds)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return list(left)
