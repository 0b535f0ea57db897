"""Connections: how many of those there may be are used, and by whom."""

from collections.abc import Sequence
from datetime import timedelta

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

WARNING, CRITICAL = 0.80, 0.95  # the cookbook's threshold, and where the next peak is refused
IDLE_SHARE = 0.7


def read(server: Server) -> list[Row]:
    sql = statements("connections")
    (limits,) = server.rows(sql["limits"])
    return [{**row, **limits} for row in server.rows(sql["connections"])]


def used_share(found: Sequence[Row]) -> tuple[int, int, float]:
    """Used, usable by ordinary roles, and the share; superuser's reserve does not count as usable."""
    if not found:
        return 0, 0, 0.0
    usable = found[0]["most"] - found[0]["reserved"]
    used = found[0]["used"]
    return used, usable, used / usable if usable > 0 else 1.0


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    used, usable, share = used_share(found)
    said = []
    if share >= WARNING:
        holders = ", ".join(f"{count} by {name}" for name, count in holding(found)[:3])
        level = Level.CRITICAL if share >= CRITICAL else Level.WARNING
        said.append(Finding(level, "connections", f"{used} of {usable} are used: {holders}", "golive db pool plan", ""))
    idle = sum(row["connections"] for row in found if row["state"] == "idle")
    if usable and used >= 20 and idle / used >= IDLE_SHARE:
        reason = f"{idle} of {used} connections are idle: a pool in transaction mode would need far fewer"
        said.append(Finding(Level.INFO, "idle connections", reason, "golive db pool plan"))
    return said


def holding(found: Sequence[Row]) -> list[tuple[str, int]]:
    """Connections by application, most first."""
    counts: dict[str, int] = {}
    for row in found:
        counts[row["application"]] = counts.get(row["application"], 0) + row["connections"]
    return sorted(counts.items(), key=lambda pair: -pair[1])


def alarms(found: Sequence[Row], given: Given) -> list[Alarm]:
    used, usable, share = used_share(found)
    if share < WARNING:
        return []
    severity = Severity.CRITICAL if share >= CRITICAL else Severity.WARNING
    top = ", ".join(f"{name} {count}" for name, count in holding(found)[:3])
    reason = f"{used} of {usable} connections are used ({share * 100:.0f} %, limit 80 %); most by {top}"
    return [Alarm("", severity, reason, "The database runs out of connections", timedelta(seconds=45))]


def measures(found: Sequence[Row], given: Given) -> dict[str, float]:
    used, _usable, share = used_share(found)
    active = sum(row["connections"] for row in found if row["state"] == "active")
    return {"connections.used": used, "connections.share": share, "connections.active": active}


COLLECTOR = Collector(
    "connections",
    "Connections",
    "Who holds them, and how many are left?",
    Pace.FAST,
    read,
    judge,
    (
        Column("role", "Role"),
        Column("application", "Application"),
        Column("database", "Database"),
        Column("state", "State"),
        Column("connections", "Connections", "number"),
        Column("oldest_seconds", "Longest in this state", "duration"),
    ),
    alarms,
    measures,
    order=20,
    of_others=True,
)
