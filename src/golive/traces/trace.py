"""Reading traces: finding them, and everything that is known of one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from golive.console.window import Window
from golive.kit.named import queries
from golive.telemetry import store
from golive.telemetry.instants import nanoseconds
from golive.traces.tree import Span

QUERIES = queries(Path(__file__).parent / "queries.sql")
MOST_SPANS = 10_000
TIME_LIMIT = timedelta(seconds=10)
MARGIN_NS = 5_000_000_000  # clocks of different hosts disagree; logs come a little later


@dataclass(frozen=True)
class Extent:
    """Where in time a trace lies, in nanoseconds, with a margin."""

    since: int
    until: int


@dataclass(frozen=True)
class Found:
    """A trace in a list: its server span."""

    trace_id: str
    span_id: str
    service: str
    name: str
    http_route: str
    http_method: str
    http_status: int
    status: str
    duration_ns: int
    time_ns: int
    user_id: str
    synthetic: bool

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.time_ns / 1e9, UTC)

    @property
    def duration_ms(self) -> float:
        return self.duration_ns / 1e6

    @property
    def failed(self) -> bool:
        return self.status == "error" or self.http_status >= 500


def find(
    project: str,
    window: Window,
    *,
    service: str = "",
    route: str = "",
    shortest_ms: float = 0,
    errors_only: bool = False,
    slowest: bool = False,
    limit: int = 100,
) -> list[Found]:
    """Traces whose server spans match, newest (or slowest) first."""
    found = store.rows(
        QUERIES["traces"],
        project=project,
        service=service,
        route=route,
        since=nanoseconds(window.since),
        until=nanoseconds(window.until),
        shortest_ns=int(max(0.0, min(shortest_ms, 1e9)) * 1e6),
        errors_only=errors_only,
        slowest=slowest,
        limit=limit,
        time_limit=TIME_LIMIT,
    )
    return [Found(**row) for row in found]


def extent(project: str, trace_id: str) -> Extent | None:
    """Where the trace lies; None when no span of it has arrived."""
    row = store.row(QUERIES["trace_time"], project=project, trace_id=trace_id)
    if not row or not row["known"]:
        return None
    return Extent(int(row["began_ns"]) - MARGIN_NS, int(row["ended_ns"]) + MARGIN_NS)


def spans(project: str, trace_id: str, where: Extent) -> tuple[list[Span], bool]:
    """The trace's spans, and whether there are more than the MOST_SPANS that are read."""
    found = _about("trace_spans", project, trace_id, where, limit=MOST_SPANS + 1)
    return [Span(**row) for row in found[:MOST_SPANS]], len(found) > MOST_SPANS


def span(project: str, trace_id: str, span_id: str, where: Extent) -> dict[str, Any] | None:
    """One span with attributes, events and links."""
    found = _about("span", project, trace_id, where, span_id=span_id)
    return found[0] if found else None


def logs(project: str, trace_id: str, where: Extent) -> list[dict[str, Any]]:
    """Log lines of the trace, oldest first, at most 200."""
    found = _about("trace_logs", project, trace_id, where)
    for row in found:
        row["time"] = datetime.fromtimestamp(row["time_ns"] / 1e9, UTC)
        row["level"] = ("unset", "trace", "debug", "info", "warn", "error", "fatal")[
            min((row["severity_number"] + 3) // 4, 6)
        ]
    return found


def errors(project: str, trace_id: str, where: Extent) -> list[dict[str, Any]]:
    """Error events of the trace, oldest first."""
    return _about("trace_errors", project, trace_id, where)


def _about(name: str, project: str, trace_id: str, where: Extent, **more: Any) -> list[dict[str, Any]]:
    return store.rows(QUERIES[name], project=project, trace_id=trace_id, since=where.since, until=where.until, **more)
