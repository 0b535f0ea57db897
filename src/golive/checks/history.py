"""What the store knows about checks, as pages and the API show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from golive.console.window import Window
from golive.kit.named import queries
from golive.telemetry import store

SQL = queries(Path(__file__).with_name("queries.sql"))
SEGMENTS = 90
SPANS = ("24h", "7d", "90d")


@dataclass(frozen=True)
class Segment:
    """One bar of a history: how many probes of its stretch were up and down."""

    at: datetime
    up: int = 0
    down: int = 0
    faults: int = 0
    latency_ms: float | None = None

    @property
    def tone(self) -> str:
        """Grey where nothing is known: no data is not up."""
        if self.down:
            return "warning" if self.up > self.down else "critical"
        return "ok" if self.up else "unknown"

    @property
    def word(self) -> str:
        """What the bar says on hover."""
        known = self.up + self.down
        said = f"{self.up} of {known} probes up" if known else "no data"
        return f"{self.at:%d %b %H:%M} UTC: {said}" + (f", {self.faults} not possible" if self.faults else "")


@dataclass(frozen=True)
class History:
    """A check's bars, oldest first, and its uptime over each span (None where nothing is known)."""

    segments: Sequence[Segment] = ()
    uptime: Mapping[str, float | None] = field(default_factory=dict)
    last_ms: float | None = None

    @property
    def latencies(self) -> list[float | None]:
        return [segment.latency_ms for segment in self.segments]

    @property
    def uptimes(self) -> list[float | None]:
        return [self.uptime.get(span) for span in SPANS]


def share(up: int, known: int) -> float | None:
    """Uptime as a share of the probes whose result is known."""
    return up / known if known else None


def bars(rows: Sequence[Mapping[str, Any]], since: datetime, step: timedelta, count: int) -> list[Segment]:
    """One segment for each step, empty ones included."""
    by_number = {int(row["segment"]): row for row in rows}
    return [_segment(by_number.get(number), since + step * number) for number in range(count)]


def _segment(row: Mapping[str, Any] | None, at: datetime) -> Segment:
    if row is None:
        return Segment(at)
    latency = float(row["latency_ms"])
    known = latency if latency == latency else None  # not a number where none was up
    return Segment(at, int(row["up"]), int(row["down"]), int(row["faults"]), known)


def histories(
    project: str, now: datetime, *, name: str = "", length: timedelta = timedelta(hours=24)
) -> dict[str, History]:
    """Every check's history over the last `length` in 90 bars. Raises StoreError."""
    step = max(1, round(length.total_seconds() / SEGMENTS))
    until = int(now.timestamp()) // step * step + step
    since = until - step * SEGMENTS
    rows = store.rows(SQL["segments"], project=project, name=name, since=since, until=until, step=step)
    start, width = datetime.fromtimestamp(since, UTC), timedelta(seconds=step)
    uptimes = {row["check_name"]: row for row in store.rows(SQL["uptime"], project=project)}
    names = {row["check_name"] for row in rows} | uptimes.keys()
    return {
        each: History(
            bars([row for row in rows if row["check_name"] == each], start, width, SEGMENTS),
            {span: share(uptimes[each][f"up_{span}"], uptimes[each][f"known_{span}"]) for span in SPANS}
            if each in uptimes
            else {},
            (float(uptimes[each]["last_ms"]) or None) if each in uptimes else None,
        )
        for each in names
    }


def latency(project: str, name: str, window: Window) -> list[dict[str, Any]]:
    """Latency by step of the window, with its phases. Raises StoreError."""
    step = max(1, int(window.step(120).total_seconds()))
    since, until = int(window.since.timestamp()), int(window.until.timestamp()) + 1
    return store.rows(SQL["latency"], project=project, name=name, since=since, until=until, step=step)


def results(
    project: str, name: str, since: datetime, until: datetime, *, failures: bool = False, most: int = 50
) -> list[dict[str, Any]]:
    """Single results, newest first. Raises StoreError."""
    return store.rows(
        SQL["results"],
        project=project,
        name=name,
        since=int(since.timestamp()),
        until=int(until.timestamp()) + 1,
        failures=int(failures),
        most=most,
    )
