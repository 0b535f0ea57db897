"""A collector asks a database one question and judges the answer. Copy a module of `collectors/` to start the next.

COLLECTOR = Collector("cache", "Cache", "Does the working set fit in memory?", "slow", read, judge, COLUMNS)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal

from golive.alerts.models import Severity
from golive.kit.named import queries
from golive.postgres.session import Connection, rows, version_of

Row = dict[str, Any]


class Pace(StrEnum):
    """How often a collector asks."""

    FAST = "fast"
    STEADY = "steady"
    SLOW = "slow"


EVERY = {Pace.FAST: timedelta(seconds=30), Pace.STEADY: timedelta(minutes=5), Pace.SLOW: timedelta(hours=1)}


class Level(StrEnum):
    """What a finding is; "unknown" when the database does not let golive tell."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing worth saying. `subject` is what it is about, `advice` a statement or command, `undo` its way back."""

    level: Level
    subject: str
    reason: str
    advice: str = ""
    undo: str = ""


@dataclass(frozen=True)
class Alarm:
    """A condition that flips: absent from the list of alarms, it is well. `after` is how long it must hold first."""

    key: str
    severity: Severity
    reason: str
    title: str
    after: timedelta = timedelta(0)


@dataclass(frozen=True)
class Given:
    """What a judgement may use beside the rows: the instant, the plan, and what was read before."""

    now: datetime
    version: int = 15
    cores: int | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    before: Sequence[Row] = ()
    before_at: datetime | None = None
    history: Sequence[tuple[datetime, float]] = ()

    @property
    def seconds(self) -> float | None:
        """How long ago `before` was read."""
        return (self.now - self.before_at).total_seconds() if self.before_at else None


@dataclass(frozen=True)
class Server:
    """An open connection and what it can do."""

    connection: Connection
    extensions: frozenset[str]
    in_recovery: bool
    sees_others: bool = True

    @property
    def version(self) -> int:
        return version_of(self.connection)

    def rows(self, statement: str, **parameters: Any) -> list[Row]:
        return rows(self.connection, statement, parameters or None)


class Lacking(Exception):
    """The collector cannot tell on this server; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Column:
    """How a field of a row is shown; `form` is how the value is written."""

    field: str
    label: str
    form: Literal["text", "code", "number", "size", "ms", "percent", "ago", "duration", "state"] = "text"


def no_findings(found: Sequence[Row], given: Given) -> list[Finding]:
    return []


def no_alarms(found: Sequence[Row], given: Given) -> list[Alarm]:
    return []


def no_measures(found: Sequence[Row], given: Given) -> dict[str, float]:
    return {}


@dataclass(frozen=True)
class Collector:
    """One question: `read` does the asking, the rest are pure functions of its rows.

    `alarms` names conditions of the kind `database:NAME`; `measures` are numbers kept over time.
    """

    name: str
    title: str
    question: str
    pace: Pace
    read: Callable[[Server], list[Row]]
    judge: Callable[[Sequence[Row], Given], list[Finding]] = no_findings
    columns: Sequence[Column] = ()
    alarms: Callable[[Sequence[Row], Given], list[Alarm]] | None = None
    measures: Callable[[Sequence[Row], Given], Mapping[str, float]] = no_measures
    order: int = 50
    on_replica: bool = True
    of_others: bool = False  # of other roles' sessions and statements, which pg_monitor shows
    history: str = ""  # the measure whose daily values `Given.history` holds
    empty: str = field(default="Nothing to show: the database has none of these.")


@cache
def statements(name: str) -> Mapping[str, str]:
    """The named queries of `sql/NAME.sql`."""
    return queries(Path(__file__).parent / "sql" / f"{name}.sql")


def size(value: float) -> str:
    """Bytes for a sentence: 1.5 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"
