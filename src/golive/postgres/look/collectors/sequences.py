"""Sequences near their end: when one is reached every INSERT fails."""

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

WARNING, CRITICAL = 0.70, 0.90


def read(server: Server) -> list[Row]:
    found = server.rows(statements("health")["sequences"])
    return [{**row, "used": row["last"] / row["most"] if row["most"] else 1.0} for row in found]


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    said = []
    for row in found:
        if row["used"] < WARNING or row["cycles"]:
            continue
        left = (row["most"] - row["last"]) / row["step"]
        filled = f" of {row['column']} ({row['type']})" if row["column"] else ""
        reason = f"{row['used'] * 100:.0f} % used{filled}; {left:,.0f} values are left".replace(",", " ")
        advice = "Move the column to bigint: add a column, fill it in batches, swap"
        level = Level.CRITICAL if row["used"] >= CRITICAL else Level.WARNING
        said.append(Finding(level, f"{row['schema']}.{row['sequence']}", reason, advice))
    return said


def alarms(found: Sequence[Row], given: Given) -> list[Alarm]:
    return [
        Alarm(finding.subject, Severity(finding.level.value), finding.reason, f"{finding.subject} is nearly used up")
        for finding in judge(found, given)
        if finding.level is Level.CRITICAL
    ]


COLLECTOR = Collector(
    "sequences",
    "Sequences",
    "Does any run out of numbers?",
    Pace.SLOW,
    read,
    judge,
    (
        Column("schema", "Schema"),
        Column("sequence", "Sequence"),
        Column("column", "Fills"),
        Column("type", "Type"),
        Column("last", "Last value", "number"),
        Column("used", "Used", "percent"),
    ),
    alarms,
    order=60,
)
