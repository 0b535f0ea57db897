"""Searching logs: a page of lines, their histogram and facets, and what has arrived since."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from golive.console.charts import Series
from golive.kit.named import queries
from golive.logs.query import Condition
from golive.telemetry import store
from golive.telemetry.instants import nanoseconds

QUERIES = queries(Path(__file__).parent / "queries.sql")
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
LEVEL_NAMES = ("unset", "trace", "debug", "info", "warn", "error", "fatal")
QUIET = dict.fromkeys(("debug", "trace", "unset"), "unknown")
LEVEL_TONES = {"error": "critical", "fatal": "critical", "warn": "warning", **QUIET}
TIME_LIMIT = timedelta(seconds=10)
LATE = timedelta(hours=1)  # a follower shows lines at most this much older than their arrival


@dataclass(frozen=True)
class Cursor:
    """Where a page ends: the instant of its last line and how many lines of that instant were shown."""

    time_ns: int
    skip: int

    def __str__(self) -> str:
        return f"{self.time_ns}.{self.skip}"

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """The cursor in an address; None when there is none or it is malformed."""
        time_ns, _, skip = text.partition(".")
        if not (time_ns.isascii() and time_ns.isdigit() and skip.isascii() and skip.isdigit()):
            return None
        return cls(min(int(time_ns), 2**62), min(int(skip), 100_000))


@dataclass(frozen=True)
class Line:
    """One log line as the store keeps it."""

    time_ns: int
    received_ms: int
    service: str
    environment: str
    release: str
    severity_number: int
    severity_text: str
    body: str
    event_name: str
    trace_id: str
    span_id: str
    scope: str
    synthetic: bool
    hash: int  # with `time_ns` this names the line
    attributes: dict[str, str] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.time_ns / 1e9, UTC)

    @property
    def level(self) -> str:
        """The level's short name: error, warn, info …"""
        return LEVEL_NAMES[min((self.severity_number + 3) // 4, 6)]

    @property
    def text(self) -> str:
        return self.body or self.event_name

    def as_dict(self) -> dict[str, Any]:
        """For JSON: API, export and `golive logs --json`."""
        return {
            "time": f"{datetime.fromtimestamp(self.time_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}"
            f".{self.time_ns % 10**9:09d}Z",
            "level": self.level,
            "severity_text": self.severity_text,
            "service": self.service,
            "environment": self.environment,
            "release": self.release,
            "body": self.body,
            "event_name": self.event_name,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "synthetic": self.synthetic,
            "attributes": self.attributes,
            "resource": self.resource,
        }


@dataclass(frozen=True)
class Overview:
    """How many lines match, when, how loud, and from where."""

    total: int
    times: list[int]
    series: list[Series]
    facets: dict[str, list[tuple[str, int]]]


def step_for(since: datetime, until: datetime, bars: int = 90) -> int:
    """The width of a histogram bar in seconds: the first round one that needs at most `bars`."""
    seconds = (until - since).total_seconds()
    return next((step for step in STEPS if seconds / step <= bars), STEPS[-1])


def overview(project: str, condition: Condition, since: datetime, until: datetime) -> Overview:
    """Histogram and facets of all matching lines. Raises StoreError, also when it takes too long."""
    step = step_for(since, until)
    found = store.rows(
        QUERIES["overview"].replace("/*condition*/", f"({condition.sql})"),
        project=project,
        since=nanoseconds(since),
        until=nanoseconds(until),
        step=step,
        time_limit=TIME_LIMIT,
        **condition.parameters,
    )
    return arranged(found, step, since, until)


def arranged(found: Sequence[dict[str, Any]], step: int, since: datetime, until: datetime) -> Overview:
    """Arrange the counts for show: a bar for every step of the window, loudest level first; facets by size."""
    first = int(since.timestamp()) // step * step
    times = list(range(first, int(until.timestamp()) + 1, step))
    counts: Counter[tuple[int, str]] = Counter()
    facets: dict[str, list[tuple[str, int]]] = {"level": [], "service": [], "environment": [], "release": []}
    levels: Counter[str] = Counter()
    for row in found:
        if row["facet"] == "time":
            level = LEVEL_NAMES[min(int(row["level"]), 6)]
            counts[int(row["bucket"]), level] += row["lines"]
            levels[level] += row["lines"]
        else:
            facets[row["facet"]].append((row["value"], row["lines"]))
    loud_first = [level for level in reversed(LEVEL_NAMES) if levels[level]]
    facets["level"] = [(level, levels[level]) for level in loud_first]
    for name in ("service", "environment", "release"):
        facets[name].sort(key=lambda item: -item[1])
    return Overview(
        total=levels.total(),
        times=times,
        series=[Series(level, [counts[at, level] for at in times], LEVEL_TONES.get(level, "")) for level in loud_first],
        facets=facets,
    )


def lines(
    project: str,
    condition: Condition,
    since: datetime,
    until: datetime,
    cursor: Cursor | None = None,
    limit: int = 100,
    *,
    brief: bool = False,
) -> tuple[list[Line], Cursor | None]:
    """A page of lines, newest first, and the cursor of the next page (None on the last).

    A brief page leaves out attributes and resource, and cuts bodies to 1 000 characters.
    """
    found = store.rows(
        QUERIES["brief" if brief else "lines"].replace("/*condition*/", f"({condition.sql})"),
        project=project,
        since=nanoseconds(since),
        until=cursor.time_ns if cursor else nanoseconds(until),
        skip=cursor.skip if cursor else 0,
        limit=limit + 1,
        time_limit=TIME_LIMIT,
        **condition.parameters,
    )
    page = [Line(**row) for row in found[:limit]]
    return page, next_cursor(page, cursor) if len(found) > limit else None


def one(project: str, time_ns: int, hash_: int) -> Line | None:
    """The line with this name, complete."""
    found = store.row(QUERIES["one"], project=project, time_ns=time_ns, hash=hash_)
    return Line(**found) if found else None


def next_cursor(page: Sequence[Line], cursor: Cursor | None) -> Cursor:
    """Where the next page begins: after all lines of the last instant that have been shown so far."""
    last = page[-1].time_ns
    shown = sum(1 for line in page if line.time_ns == last)
    if cursor and cursor.time_ns == last:
        shown += cursor.skip
    return Cursor(last, shown)


def newest(project: str, condition: Condition, after_ms: int, limit: int = 200) -> list[Line]:
    """Lines that arrived after `after_ms` (unix milliseconds of our clock), oldest first."""
    found = store.rows(
        QUERIES["newest"].replace("/*condition*/", f"({condition.sql})"),
        project=project,
        since=after_ms * 1_000_000 - int(LATE.total_seconds()) * 10**9,
        after=after_ms,
        limit=limit,
        time_limit=TIME_LIMIT,
        **condition.parameters,
    )
    return [Line(**row) for row in found]
