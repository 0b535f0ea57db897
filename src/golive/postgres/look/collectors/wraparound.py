"""Transaction-id age: at two billion PostgreSQL stops taking writes to keep its data."""

from collections.abc import Sequence

from golive.alerts.models import Severity
from golive.postgres.look.collector import (
    Alarm,
    Collector,
    Column,
    Finding,
    Given,
    Level,
    Pace,
    Row,
    Server,
    statements,
)

STOP = 2_100_000_000
CRITICAL = 1_000_000_000


def read(server: Server) -> list[Row]:
    found = server.rows(statements("health")["wraparound"])
    return [{**row, "used": max(row["age"], row["multixact_age"]) / STOP} for row in found]


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    said = []
    for row in found:
        oldest, limit = max(row["age"], row["multixact_age"]), row["freeze_at"]
        if oldest >= CRITICAL:
            level, why = Level.CRITICAL, f"it stops taking writes at {STOP / 1e6:.0f} million"
        elif oldest > max(limit * 1.5, limit + 100_000_000):
            level, why = Level.WARNING, f"autovacuum should have frozen it at {limit / 1e6:.0f} million"
        else:
            continue
        advice = f"VACUUM (FREEZE, VERBOSE) {row['name']};" if row["kind"] == "table" else ""
        said.append(Finding(level, f"{row['kind']} {row['name']}", f"{oldest / 1e6:.0f} million old; {why}", advice))
    return said


def alarms(found: Sequence[Row], given: Given) -> list[Alarm]:
    return [
        Alarm(finding.subject, Severity(finding.level.value), finding.reason, "Transaction ids run out")
        for finding in judge(found, given)
        if finding.subject.startswith("database")
    ]


def measures(found: Sequence[Row], given: Given) -> dict[str, float]:
    return {"wraparound.age": max((row["age"] for row in found if row["kind"] == "database"), default=0)}


COLLECTOR = Collector(
    "wraparound",
    "Transaction ids",
    "How far is it to the forced stop?",
    Pace.STEADY,
    read,
    judge,
    (
        Column("kind", "Kind"),
        Column("name", "Name"),
        Column("age", "Age", "number"),
        Column("multixact_age", "Multixact age", "number"),
        Column("used", "Of the end", "percent"),
    ),
    alarms,
    measures,
    order=61,
)
