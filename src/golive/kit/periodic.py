"""Work that repeats: what a room hands to the pager or to the jobs process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Process(StrEnum):
    """Which process runs the work. Nothing heavy belongs in the pager: it is the last to go."""

    PAGER = "pager"
    JOBS = "jobs"


@dataclass(frozen=True)
class Periodic:
    """A function called again and again in a thread of its own, `every` after it last began.

    A run that raises is logged and tried again at the next beat; runs of one task never overlap.
    """

    name: str
    every: timedelta
    run: Callable[[], None]
    process: Process = Process.PAGER


@dataclass(frozen=True)
class Service:
    """A function that runs for as long as its process does, until `stop` is set (a threading.Event)."""

    name: str
    run: Callable[..., None]
    process: Process = Process.PAGER
