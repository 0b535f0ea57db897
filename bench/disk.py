"""Moments in which the disk itself stood still, so that they are not taken for what is measured.

A virtual machine's disk may answer nobody for a while because of its neighbours. It is told from a disk with much to
do by what it completes: one that is flooded completes requests all the time, one that stands still completes none
although some are under way.
"""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

LOOK_EVERY_SECONDS = 0.01
STILL_SECONDS = 0.05  # a request alone takes a tenth of a millisecond
AROUND_SECONDS = 0.1  # writes that were due just before, or queued just behind
COMPLETED, UNDER_WAY = (0, 4, 11, 15), 8  # fields of Documentation/block/stat.rst: reads, writes, discards, flushes


@dataclass(frozen=True)
class Look:
    """What the kernel said of the disk at a moment: requests completed since it started, and under way."""

    at: float
    completed: int
    under_way: int


def stills(looks: Sequence[Look]) -> list[tuple[float, float]]:
    """The stretches of at least STILL_SECONDS in which requests were under way and none was completed."""
    found, begin = [], None
    for before, now in pairwise(looks):
        still = now.completed == before.completed and now.under_way > 0 and before.under_way > 0
        if still and begin is None:
            begin = before.at
        if not still and begin is not None:
            if before.at - begin >= STILL_SECONDS:
                found.append((begin, before.at))
            begin = None
    return found


class Disk(threading.Thread):
    """Watches the disk that a folder lies on; where the kernel keeps no books of it, nothing is ever still."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        device = folder.stat().st_dev
        self._file = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
        self._ends = threading.Event()
        self._looks: list[Look] = []

    def run(self) -> None:
        if not self._file.exists():
            return
        with self._file.open() as file:
            while not self._ends.wait(LOOK_EVERY_SECONDS):
                file.seek(0)
                fields = [int(each) for each in file.read().split()]
                completed = sum(fields[each] for each in COMPLETED if each < len(fields))
                self._looks.append(Look(time.time(), completed, fields[UNDER_WAY]))

    def stop(self) -> list[tuple[float, float]]:
        """End, and say when it stood still: seconds since the epoch."""
        self._ends.set()
        self.join(10)
        return stills(self._looks)


def without(writes: Sequence[tuple[float, float]], still: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The writes (due, ms) that did not meet a disk that stood still."""
    around = [(begin - AROUND_SECONDS, end + AROUND_SECONDS) for begin, end in still]
    return [(due, ms) for due, ms in writes if not any(begin <= due <= end for begin, end in around)]
