"""`golive status`: what runs, since when, and how much memory it takes."""

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from golive.kit.durations import format_duration
from golive.up.instance import Status, load, same_process


@dataclass(frozen=True)
class Line:
    """One process as `golive status` shows it. Memory is the proportional set size: shared pages count in parts."""

    name: str
    state: str
    pid: int | None
    up: str
    restarts: int
    memory_bytes: int | None
    problem: str


def memory_bytes(process: psutil.Process) -> int | None:
    """The proportional set size of a process and all below it, or None when it may not be read."""
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            total += getattr(one.memory_full_info(), "pss", 0) or one.memory_info().rss
    except psutil.Error:
        return None
    return total


def lines(status: Status, now: float) -> list[Line]:
    """The supervisor and its processes, as the status file and the kernel know them; `now` in seconds since 1970."""
    shown = []
    me = same_process(status.pid, status.created)
    own = psutil.Process(status.pid).memory_full_info() if me else None
    shown.append(
        Line(
            "supervisor",
            "ready" if me else "gone",
            status.pid if me else None,
            _since(status.since if me else None, now),
            0,
            getattr(own, "pss", None) if own else None,
            "" if me else "no golive up is running on this data folder",
        )
    )
    for name, entry in status.processes.items():
        process = same_process(entry.pid, entry.created)
        state = entry.state if process or entry.pid is None else "gone"
        memory = memory_bytes(process) if process else None
        shown.append(
            Line(
                name,
                state,
                entry.pid if process else None,
                _since(entry.since if process else None, now),
                entry.restarts,
                memory,
                entry.problem,
            )
        )
    return shown


def _since(moment: float | None, now: float) -> str:
    return format_duration(timedelta(seconds=max(0.0, now - moment))) if moment else "-"


def verdict(shown: list[Line]) -> int:
    """Exit code: 0 all ready, 1 something is not, 2 nothing runs here."""
    if not shown or shown[0].state == "gone":
        return 2
    return 0 if all(line.state == "ready" for line in shown) else 1


def status_of(data: Path, environ: Mapping[str, str] = os.environ) -> tuple[Status | None, list[Line]]:
    """The install's status file and lines; (None, []) when golive was never up here."""
    status = load(data)
    return (status, lines(status, time.time())) if status else (None, [])


def as_dicts(shown: list[Line]) -> list[dict[str, object]]:
    return [asdict(line) for line in shown]
