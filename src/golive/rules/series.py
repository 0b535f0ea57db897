"""The values of a query over time, from the telemetry store: at one instant, or at thousands for a back-test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from golive.kit.named import queries
from golive.rules.expression import Expression, Term
from golive.telemetry import store

SQL = queries(Path(__file__).with_name("series.sql"))
TIME_LIMIT = timedelta(seconds=20)
TABLES = {"logs": "logs", "requests": "spans", "metric": "metrics"}
MOST_SERIES = 200
Group = tuple[str, ...]
Values = Sequence[float | None]


@dataclass(frozen=True)
class Ticks:
    """Evenly spaced instants: `first`, `first + step`, … `count` of them. Seconds of unix time."""

    first: float
    step: float
    count: int

    @classmethod
    def at(cls, now: datetime) -> "Ticks":
        """One instant."""
        return cls(now.timestamp(), 1.0, 1)

    @property
    def last(self) -> float:
        return self.first + self.step * (self.count - 1)

    def earlier(self, by: timedelta) -> "Ticks":
        return Ticks(self.first - by.total_seconds(), self.step, self.count)

    def instants(self) -> list[float]:
        return [self.first + self.step * number for number in range(self.count)]


class Source(Protocol):
    """Where values come from: the store, or the cases of a test."""

    def values(self, expression: Expression, window: timedelta, ticks: Ticks) -> Mapping[Group, Values]:
        """The series of a query by group; None where nothing can be said."""
        ...


@dataclass(frozen=True)
class StoreSource:
    """One project's telemetry. Raises StoreError."""

    project: str
    time_limit: timedelta = TIME_LIMIT

    def values(self, expression: Expression, window: timedelta, ticks: Ticks) -> Mapping[Group, Values]:
        left = self._term(expression, expression.left, window, ticks)
        if expression.right is None:
            return left
        right = self._term(expression, expression.right, window, ticks)
        nothing: Values = [0.0] * ticks.count
        return {
            group: [_ratio(a, b) for a, b in zip(left.get(group, nothing), right[group], strict=True)]
            for group in right
        }

    def _term(self, expression: Expression, term: Term, window: timedelta, ticks: Ticks) -> Mapping[Group, Values]:
        name = "increase" if term.source == "metric" and term.function in ("increase", "rate") else term.source
        sql = SQL[name].replace("/*condition*/", term.condition).replace("/*value*/", term.value)
        rows = store.rows(
            sql.replace("/*groups*/", ", ".join(f"toString({group})" for group in term.groups)),
            project=self.project,
            first=ticks.first,
            step=ticks.step,
            count=float(ticks.count),
            window=window.total_seconds(),
            until=ticks.last,
            time_limit=self.time_limit,
            **term.parameters,
        )
        found: dict[Group, list[float | None]] = {}
        for row in rows:
            group = tuple(row["series"])
            if group not in found and len(found) >= MOST_SERIES:
                continue
            value = float(row["value"])
            if name == "increase" and term.function == "rate":
                value /= window.total_seconds()
            series = found.setdefault(group, [None] * ticks.count)
            series[int(row["tick"])] = value if value == value else None
        if not found and not expression.by:
            found[()] = [None] * ticks.count
        return self._zeros(term, found, window, ticks) if term.counted else found

    def _zeros(
        self, term: Term, found: dict[Group, list[float | None]], window: timedelta, ticks: Ticks
    ) -> Mapping[Group, Values]:
        """A count is 0 where nothing matched, as long as something of the kind arrived."""
        if all(value is not None for series in found.values() for value in series):
            return found
        known = self._arrived(TABLES[term.source], window, ticks) if term.source in TABLES else [True] * ticks.count
        return {
            group: [0.0 if value is None and there else value for value, there in zip(series, known, strict=True)]
            for group, series in found.items()
        }

    def _arrived(self, table: str, window: timedelta, ticks: Ticks) -> list[bool]:
        since = ticks.first - window.total_seconds()
        step = max(1, int(min(ticks.step, window.total_seconds()) // 2)) if ticks.count > 1 else 10**6
        rows: list[dict[str, Any]] = store.rows(
            SQL["arrived"].replace("/*table*/", table),
            project=self.project,
            since=since,
            until=ticks.last,
            step=step,
            time_limit=self.time_limit,
        )
        if ticks.count == 1:
            return [bool(rows)]
        buckets = sorted(int(row["bucket"]) * step + since for row in rows)
        known, place = [], 0
        for at in ticks.instants():
            while place < len(buckets) and buckets[place] <= at - window.total_seconds() - step:
                place += 1
            known.append(place < len(buckets) and buckets[place] <= at)
        return known


def _ratio(above: float | None, below: float | None) -> float | None:
    if below is None or below == 0:
        return None
    return (above or 0.0) / below
