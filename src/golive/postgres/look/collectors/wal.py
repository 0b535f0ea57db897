"""WAL, archiving and checkpoints: how much is written, does the archive take it, are checkpoints forced?"""

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


def read(server: Server) -> list[Row]:
    sql = statements("wal")
    (written,) = server.rows(sql["wal"])
    (checkpoints,) = server.rows(sql["checkpoints_17" if server.version >= 17 else "checkpoints"])
    return [{**written, **checkpoints}]


def changed(found: Sequence[Row], given: Given) -> Row | None:
    """What grew since the last look, and in how many seconds; None without one or after a reset."""
    if not found or not given.before or not given.seconds:
        return None
    now, old = found[0], given.before[0]
    names = ("written", "archived", "failed", "timed", "requested", "buffers")
    if any(now[name] < old.get(name, 0) for name in names):
        return None
    return {name: now[name] - old.get(name, 0) for name in names} | {"seconds": given.seconds}


def rate(found: Sequence[Row], given: Given) -> float | None:
    """WAL bytes a second since the last look."""
    grown = changed(found, given)
    return grown["written"] / grown["seconds"] if grown else None


def archive_stuck(row: Row) -> bool:
    """Whether the archiver's last try failed."""
    failed, archived = row["failed_at"], row["archived_at"]
    return failed is not None and (archived is None or failed > archived)


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    said = []
    row = found[0]
    total = row["timed"] + row["requested"]
    grown = changed(found, given)
    if archive_stuck(row):
        reason = f"archiving {row['failed_wal']} fails: WAL piles up, and a restore would end before it"
        said.append(Finding(Level.CRITICAL, "archive", reason, "golive db backup status"))
    if total >= 20 and row["requested"] / total > 0.3:
        reason = f"{row['requested'] / total * 100:.0f} % of checkpoints were forced because max_wal_size was reached"
        advice = f"ALTER SYSTEM SET max_wal_size = '{_mb(row['max_wal'] * 4)}MB'; SELECT pg_reload_conf();"
        undo = "ALTER SYSTEM RESET max_wal_size; SELECT pg_reload_conf();"
        said.append(Finding(Level.WARNING, "checkpoints", reason, advice, undo))
    if grown and (speed := grown["written"] / grown["seconds"]) * 300 > row["max_wal"]:
        reason = f"{size(speed)}/s of WAL: max_wal_size ({size(row['max_wal'])}) is full within five minutes"
        said.append(Finding(Level.INFO, "WAL", reason))
    return said


def _mb(value: float) -> int:
    return round(value / 1024**2)


def alarms(found: Sequence[Row], given: Given) -> list[Alarm]:
    if not found or not archive_stuck(found[0]):
        return []
    reason = f"archiving {found[0]['failed_wal']} fails since {found[0]['failed_at']}"
    return [Alarm("archive", Severity.CRITICAL, reason, "WAL is not archived", timedelta(minutes=2))]


def measures(found: Sequence[Row], given: Given) -> dict[str, float]:
    speed = rate(found, given)
    return {} if speed is None else {"wal.rate": speed}


COLLECTOR = Collector(
    "wal",
    "WAL and checkpoints",
    "How much is written, and does the archive take it?",
    Pace.FAST,
    read,
    judge,
    (
        Column("written", "WAL written", "size"),
        Column("timed", "Checkpoints on time", "number"),
        Column("requested", "Forced", "number"),
        Column("archive_mode", "Archiving"),
        Column("archived_at", "Archived", "ago"),
        Column("failed_at", "Failed", "ago"),
    ),
    alarms,
    measures,
    order=41,
    on_replica=False,
)
