"""What got slower, and since which deploy. Pure: intervals and deploys come in, a reason comes out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

LEAST_CALLS = 20
NOTICED = 0.05  # of all statements' time
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
    begin: datetime | None = None,
) -> list[Slower]:
    """Statements that got slower, those first that cost most by it. Too few calls on either side say nothing.

    Compared are the two stretches, and what came before and after each deploy since `begin`: a statement that stands
    still runs less often, so that the mean of a whole week hides it.
    """
    found = []
    for query_id, spent in now.items():
        mine = intervals.get(query_id, ())
        one = _stretches(query_id, before.get(query_id), spent, mine, deploys)
        one = one or (_step(query_id, mine, deploys, begin) if begin else None)
        if one is not None:
            found.append(one)
    return sorted(found, key=lambda one: -one.extra_ms)


def _worse(old: float, new: float) -> bool:
    return new >= old * SLOWER and new - old >= WORTH_MS


def _stretches(
    query_id: str,
    was: Spent | None,
    spent: Spent,
    intervals: Sequence[tuple[datetime, Spent]],
    deploys: Sequence[tuple[datetime, str]],
) -> Slower | None:
    if was is None or was.calls < LEAST_CALLS or spent.calls < LEAST_CALLS:
        return None
    old, new = was.total_ms / was.calls, spent.total_ms / spent.calls
    if not _worse(old, new):
        return None
    release = since(intervals, deploys)
    reason = f"{new:.1f} ms a call, {new / old:.1f} times the {old:.1f} ms of the week before"
    reason += f"; since {release}" if release else "; no deploy explains it: look at data, plans and load"
    return Slower(query_id, old, new, spent.calls, (new - old) * spent.calls, release, reason)


def _step(
    query_id: str,
    intervals: Sequence[tuple[datetime, Spent]],
    deploys: Sequence[tuple[datetime, str]],
    begin: datetime,
) -> Slower | None:
    """The worst deploy since `begin` after which it is slower, and still is."""
    worst: Slower | None = None
    for at, release in deploys:
        was = _sum(spent for when, spent in intervals if when < at)
        spent = _sum(spent for when, spent in intervals if when >= at)
        if at < begin or was.calls < LEAST_CALLS or spent.calls < LEAST_CALLS:
            continue
        old, new = was.total_ms / was.calls, spent.total_ms / spent.calls
        extra = (new - old) * spent.calls
        if _worse(old, new) and (worst is None or extra > worst.extra_ms):
            times = f"{new / old:,.0f} times the {old:.2f} ms before" if old else "from next to nothing"
            reason = f"{new:.1f} ms a call since {release}, {times}"
            worst = Slower(query_id, old, new, spent.calls, extra, release, reason)
    return worst


@dataclass(frozen=True)
class Arrived:
    """A statement that the stretch before did not have and that costs a share of this one."""

    query_id: str
    share: float
    release: str
    reason: str


def arrived(
    before: Mapping[str, Spent],
    now: Mapping[str, Spent],
    intervals: Mapping[str, Sequence[tuple[datetime, Spent]]],
    deploys: Sequence[tuple[datetime, str]],
) -> list[Arrived]:
    """Statements that are new and costly: changed code asks differently, and has no week before to be compared with.

    Nothing is new when nothing was recorded before.
    """
    total = sum(spent.total_ms for spent in now.values())
    if not before or not total:
        return []
    found = []
    for query_id, spent in now.items():
        share = spent.total_ms / total
        if query_id in before or share < NOTICED or spent.calls < LEAST_CALLS:
            continue
        first = min((at for at, _ in intervals.get(query_id, ())), default=None)
        release = max(((at, name) for at, name in deploys if first and at <= first), default=(None, ""))[1]
        reason = f"{share:.0%} of all time, {spent.calls:.0f} calls of {spent.total_ms / spent.calls:.1f} ms"
        found.append(Arrived(query_id, share, release, reason + (f"; first seen after {release}" if release else "")))
    return sorted(found, key=lambda one: -one.share)


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
