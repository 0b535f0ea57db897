"""When each check is due: phases spread evenly over the interval, so that thousands do not start together."""

import heapq
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

GOLDEN = 0.6180339887498949
HASTE = 0.9
SOONEST_RETRY = timedelta(seconds=5)


def phase(number: int, every: timedelta) -> timedelta:
    """Where in its interval check `number` runs: multiples of the golden ratio fill an interval evenly."""
    return every * (number * GOLDEN % 1.0)


def first_due(number: int, every: timedelta, wall_seconds: float, shift: float = 0.0) -> float:
    """Seconds from `wall_seconds` (unix) to the check's next turn: at most one interval, also after a restart.

    `shift` is the share of the interval by which this region's turn comes later than the first region's.
    """
    step = every.total_seconds()
    return (phase(number, every).total_seconds() + shift * step - wall_seconds) % step


def shift_of(region: str, regions: Collection[str]) -> float:
    """How far a region's turns are shifted, so that all regions' turns are spread evenly over the interval."""
    ranks = sorted(regions)
    return ranks.index(region) / len(ranks) if region in ranks else 0.0


def at_start(wait: float) -> float:
    """The first turn of a check whose own turn comes in `wait`: a little sooner, so that after a restart all have been
    looked at within one interval, the time that the start took included."""
    return wait * HASTE


def next_due(due: float, every: timedelta, now: float) -> float:
    """The turn after `due` that is still to come; turns missed while we were late are dropped, not piled up."""
    step = every.total_seconds()
    return due + step * max(1, int((now - due) / step) + 1) if now >= due else due + step


def retry_after(every: timedelta) -> timedelta:
    """How soon an unsure verdict is tried again: at once, but not within the same hiccup."""
    return min(SOONEST_RETRY, every / 5)


@dataclass
class Timetable:
    """A queue of check numbers by due time (monotonic seconds). One entry a check: putting it again moves it."""

    _heap: list[tuple[float, int]] = field(default_factory=list)
    _due: dict[int, float] = field(default_factory=dict)

    def put(self, number: int, due: float) -> None:
        self._due[number] = due
        heapq.heappush(self._heap, (due, number))

    def remove(self, number: int) -> None:
        self._due.pop(number, None)

    def waiting(self, number: int) -> bool:
        """Whether a check has a turn to come; while it is being looked at it has none."""
        return number in self._due

    def next_at(self) -> float | None:
        """When the next check is due."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[tuple[int, float]]:
        """The checks due at `now` with the time they were due; they leave the queue."""
        taken = []
        while (at := self.next_at()) is not None and at <= now:
            due, number = heapq.heappop(self._heap)
            del self._due[number]
            taken.append((number, due))
        return taken
