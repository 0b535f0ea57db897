"""Replication: standbys and their lag, and slots, which keep WAL for whoever does not come back."""

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
    size,
    statements,
)

LAG_SECONDS, LAG_BYTES = 30.0, 256 * 1024**2
RETAINED_WARNING, RETAINED_CRITICAL = 1024**3, 10 * 1024**3


def read(server: Server) -> list[Row]:
    sql = statements("replication")
    if server.in_recovery:
        return server.rows(sql["receiver"])
    return [*server.rows(sql["slots"]), *server.rows(sql["standbys"])]


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    return [finding for row in found if (finding := _of(row, given))]


def _of(row: Row, given: Given) -> Finding | None:
    if row["kind"] == "slot":
        return _slot(row, given)
    if row["kind"] == "this replica":
        if row["active"]:
            return None
        return Finding(Level.CRITICAL, "this replica", "it is not connected to its primary; its data grow old")
    lag, behind = row["lag_seconds"] or 0.0, row["behind_bytes"] or 0.0
    if lag >= LAG_SECONDS or behind >= LAG_BYTES:
        reason = f"replays {lag:.0f} s and {size(behind)} behind the primary"
        return Finding(Level.WARNING, f"standby {row['name']}", reason)
    return None


def _slot(row: Row, given: Given) -> Finding | None:
    name, kept = f"slot {row['name']}", row["retained_bytes"] or 0.0
    drop = f"SELECT pg_drop_replication_slot('{row['name']}');  -- only if nobody will come back to it"
    if row["wal_status"] == "lost":
        return Finding(Level.CRITICAL, name, "its WAL is gone: whoever used it has to be made again", drop)
    if row["wal_status"] == "unreserved":
        return Finding(Level.CRITICAL, name, "its WAL may go at any moment (max_slot_wal_keep_size is reached)")
    if row["active"]:
        return None
    room = given.disk_bytes * 0.1 if given.disk_bytes else RETAINED_CRITICAL
    if kept >= min(room, RETAINED_CRITICAL):
        return Finding(Level.CRITICAL, name, f"nobody reads it and it keeps {size(kept)} of WAL: the disk fills", drop)
    if kept >= RETAINED_WARNING:
        return Finding(Level.WARNING, name, f"nobody reads it and it keeps {size(kept)} of WAL", drop)
    return Finding(Level.INFO, name, f"nobody reads it; it keeps {size(kept)} of WAL so far", drop)


def alarms(found: Sequence[Row], given: Given) -> list[Alarm]:
    wait = {Level.CRITICAL: timedelta(0), Level.WARNING: timedelta(minutes=1)}
    return [
        Alarm(one.subject, Severity(one.level.value), one.reason, _title(one), wait[one.level])
        for one in judge(found, given)
        if one.level in wait
    ]


def _title(finding: Finding) -> str:
    return "A replication slot keeps WAL" if finding.subject.startswith("slot") else "A replica falls behind"


def measures(found: Sequence[Row], given: Given) -> dict[str, float]:
    kept = [row["retained_bytes"] or 0.0 for row in found if row["kind"] == "slot"]
    lag = [row["lag_seconds"] or 0.0 for row in found if row["kind"] == "standby"]
    return {**({"replication.retained": max(kept)} if kept else {}), **({"replication.lag": max(lag)} if lag else {})}


COLLECTOR = Collector(
    "replication",
    "Replication",
    "Do replicas keep up, and do slots keep too much?",
    Pace.FAST,
    read,
    judge,
    (
        Column("kind", "Kind"),
        Column("name", "Name"),
        Column("state", "State"),
        Column("active", "Connected"),
        Column("lag_seconds", "Lag", "duration"),
        Column("behind_bytes", "Behind", "size"),
        Column("retained_bytes", "WAL kept", "size"),
    ),
    alarms,
    measures,
    order=35,
    of_others=True,
    empty="There is no replica and no replication slot.",
)
