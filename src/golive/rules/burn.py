"""Error budgets: how fast they burn, and how much is left. The decision is pure; `Tallies` counts requests.

Two windows at several paces, after chapter 5 of Google's Site Reliability Workbook: a burn pages when the long window
says that it matters and the short one that it still goes on.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from golive.alerts.models import Severity
from golive.kit.durations import format_duration
from golive.kit.named import queries
from golive.rules.condition import Reading
from golive.rules.settings import Burn
from golive.telemetry import store

SQL = queries(Path(__file__).with_name("burn.sql"))
STEP = 60  # seconds
LEAST_BAD = 3
LEAST_REQUESTS = 20
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Pace:
    """Budget burns `factor` times faster than the period allows, over a long and a short window."""

    long: timedelta
    short: timedelta
    factor: float
    severity: Severity


PACES = (
    Pace(_HOUR, 5 * _MINUTE, 14.4, Severity.CRITICAL),
    Pace(6 * _HOUR, 30 * _MINUTE, 6.0, Severity.CRITICAL),
    Pace(72 * _HOUR, 6 * _HOUR, 1.0, Severity.WARNING),
)
LONGEST = max(pace.long for pace in PACES)


@dataclass(frozen=True)
class Tally:
    """Requests of one step, which begins at `at` (unix seconds)."""

    at: float
    total: float
    bad: float


class Sums:
    """Sums over any stretch of a list of tallies, oldest first."""

    def __init__(self, tallies: Sequence[Tally]) -> None:
        self.at = [tally.at for tally in tallies]
        self.total, self.bad = [0.0], [0.0]
        for tally in tallies:
            self.total.append(self.total[-1] + tally.total)
            self.bad.append(self.bad[-1] + tally.bad)

    def over(self, since: float, until: float) -> tuple[float, float]:
        """Total and bad requests of the steps that overlap (since, until]."""
        first, last = _first_above(self.at, since - STEP), _first_above(self.at, until)
        return self.total[last] - self.total[first], self.bad[last] - self.bad[first]


def _first_above(instants: Sequence[float], value: float) -> int:
    low, high = 0, len(instants)
    while low < high:
        middle = (low + high) // 2
        if instants[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low


def judge(settings: Burn, sums: Sums, now: float) -> Reading:
    """Whether the budget burns too fast at `now` (unix seconds)."""
    budget = 1 - settings.objective
    title = settings.title or "Error budget"
    common: dict[str, Any] = {
        "key": "all",
        "subject": settings.title or "the objective",
        "service": settings.service,
        "title": f"{title} burns too fast",
    }
    worst: tuple[Pace, float] | None = None
    seen = 0.0
    highest = 0.0
    for pace in PACES:
        total, bad = sums.over(now - pace.long.total_seconds(), now)
        some, lately = sums.over(now - pace.short.total_seconds(), now)
        seen = max(seen, total)
        if total < LEAST_REQUESTS or not some:
            continue
        long, short = bad / total / budget, lately / some / budget
        highest = max(highest, min(long, short) / pace.factor)
        if bad >= LEAST_BAD and min(long, short) >= pace.factor and worst is None:
            worst = pace, long
    if seen < LEAST_REQUESTS:
        text = f"too few requests to judge: {seen:.0f} in {format_duration(LONGEST)}, {LEAST_REQUESTS} needed"
        return Reading(**common, known=False, text=text)
    objective = f"{settings.objective * 100:.5g} % over {format_duration(settings.period)}"
    if worst is None:
        text = f"the budget of {objective} lasts"
        return Reading(**common, text=text, clear=highest < 0.9, value=highest, threshold=1.0)
    pace, rate = worst
    left = settings.period / rate
    text = (
        f"the budget of {objective} burns {rate:.3g} times too fast over {format_duration(pace.long)} and "
        f"{format_duration(pace.short)}: at this pace a whole one is gone in {format_duration(left)}"
    )
    return Reading(**common, text=text, breach=pace.severity, value=highest, threshold=1.0)


@dataclass(frozen=True)
class Budget:
    """What is left of an error budget; `left` is a share of it and below 0 when it is overspent."""

    total: float
    bad: float
    allowed: float
    left: float | None


def remaining(settings: Burn, tallies: Sequence[Tally]) -> Budget:
    """The budget of one whole period, by the requests in it."""
    total, bad = sum(each.total for each in tallies), sum(each.bad for each in tallies)
    allowed = total * (1 - settings.objective)
    return Budget(total, bad, allowed, 1 - bad / allowed if allowed else None)


def count(project: str, settings: Burn, since: datetime, until: datetime, step: int = STEP) -> list[Tally]:
    """Requests by step, oldest first. Raises StoreError."""
    rows = store.rows(
        SQL["latency" if settings.latency else "errors"],
        project=project,
        service=settings.service,
        route=_pattern(settings.route),
        latency_ns=round(settings.latency.total_seconds() * 1e9) if settings.latency else 0,
        since=int(since.timestamp()) // step * step,
        until=int(until.timestamp()) + 1,
        step=step,
        time_limit=timedelta(seconds=20),
    )
    return [Tally(float(row["at"]), float(row["total"]), float(row["bad"])) for row in rows]


def _pattern(route: str) -> str:
    for letter in "\\%_":
        route = route.replace(letter, "\\" + letter)
    return route[:-1] + "%" if route.endswith("*") else route


class Tallies:
    """Counts that are kept between evaluations: only what is new is asked for each time."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[float, Tally]] = {}
        self._lock = threading.Lock()

    def lately(self, project: str, settings: Burn, now: datetime) -> Sums:
        """The sums of the longest window up to now. Raises StoreError."""
        key = (project, settings.model_dump_json(exclude={"title", "runbook", "enabled"}))
        begin = now - LONGEST - timedelta(seconds=STEP)
        with self._lock:
            kept = self._kept.setdefault(key, {})
            newest = max(kept, default=0.0)
            back = newest > now.timestamp()  # a clock that went back, or a test's
            since = datetime.fromtimestamp(newest - 2 * STEP, now.tzinfo) if newest and not back else begin
            if back:
                kept.clear()
            for tally in count(project, settings, max(since, begin), now):
                kept[tally.at] = tally
            for at in [at for at in kept if at < begin.timestamp()]:
                del kept[at]
            return Sums([kept[at] for at in sorted(kept)])


TALLIES = Tallies()
