"""What got slower, and since which deploy. Pure: intervals and deploys come in, a reason comes out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

LEAST_CALLS = 20
SLOWER, WORTH_MS = 1.3, 1.0  # a third slower, and at least a millisecond a call


@dataclass(frozen=True)
class Spent:
    """What a statement did in some stretch of time."""

    calls: float
    total_ms: float

    @property
    def mean_ms(self) -> float | None:
        return self.total_ms / self.calls if self.calls else None


@dataclass(frozen=True)
class Slower:
    """A statement whose calls take longer than in the stretch before; `release` is the deploy since which it is so."""

    query_id: str
    before_ms: float
    now_ms: float
    calls: float
    extra_ms: float
    release: str
    reason: str


def slower(
    before: Mapping[str, Spent],
    now: Mapping[str, Spent],
    intervals: Mapping[str, Sequence[tuple[datetime, Spent]]],
    deploys: Sequence[tuple[datetime, str]],
) -> list[Slower]:
    """Statements that got slower, those first that cost most by it. Too few calls on either side say nothing."""
    found = []
    for query_id, spent in now.items():
        was = before.get(query_id)
        if was is None or was.calls < LEAST_CALLS or spent.calls < LEAST_CALLS:
            continue
        old, new = was.total_ms / was.calls, spent.total_ms / spent.calls
        if new < old * SLOWER or new - old < WORTH_MS:
            continue
        release = since(intervals.get(query_id, ()), deploys)
        reason = f"{new:.1f} ms a call, {new / old:.1f} times the {old:.1f} ms of the week before"
        reason += f"; since {release}" if release else "; no deploy explains it: look at data, plans and load"
        found.append(Slower(query_id, old, new, spent.calls, (new - old) * spent.calls, release, reason))
    return sorted(found, key=lambda one: -one.extra_ms)


def since(intervals: Sequence[tuple[datetime, Spent]], deploys: Sequence[tuple[datetime, str]]) -> str:
    """The deploy with the greatest step in the mean from before it to after it; empty when none has one of a third.

    Before and after reach to the neighbouring deploys, so that one deploy's step is not another's.
    """
    best, release = SLOWER, ""
    ordered = sorted(deploys)
    for number, (at, name) in enumerate(ordered):
        start = ordered[number - 1][0] if number else None
        end = ordered[number + 1][0] if number + 1 < len(ordered) else None
        before = _sum(spent for when, spent in intervals if when < at and (start is None or when >= start))
        after = _sum(spent for when, spent in intervals if when >= at and (end is None or when < end))
        if before.calls < LEAST_CALLS or after.calls < LEAST_CALLS or not before.total_ms:
            continue
        step = (after.total_ms / after.calls) / (before.total_ms / before.calls)
        if step > best:
            best, release = step, name
    return release


def _sum(parts: Iterable[Spent]) -> Spent:
    calls = total = 0.0
    for part in parts:
        calls, total = calls + part.calls, total + part.total_ms
    return Spent(calls, total)
