"""Disk: what takes the space, and when it is 85 % full."""

import shutil
from collections.abc import Sequence
from datetime import timedelta

from psycopg import errors

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
from golive.postgres.look.forecast import FULL, Forecast, forecast

WARN_AHEAD, PAGE_AHEAD = timedelta(days=30), timedelta(days=7)


def read(server: Server) -> list[Row]:
    sql = statements("disk")
    relations = server.rows(sql["relations"])
    (total,) = server.rows(sql["total"])
    known = {"all_bytes": total["all_bytes"] or 0.0, **_disk(server)}
    return [{**row, **known} for row in sorted(relations, key=lambda row: -row["bytes"])] or [
        {"schema": "", "relation": "(no table)", "kind": "", "bytes": 0.0, "heap_bytes": 0.0, "index_bytes": 0.0,
         "toast_bytes": 0.0, **known}
    ]  # fmt: skip


def _disk(server: Server) -> Row:
    """The disk's size and use, where the server is on this machine and golive may see its folder."""
    if server.connection.info.host not in ("127.0.0.1", "localhost", "::1", "") and not (
        server.connection.info.host.startswith("/")
    ):
        return {"disk_bytes": None, "disk_used": None}
    try:
        (place,) = server.rows(statements("disk")["folder"])
        usage = shutil.disk_usage(place["folder"])
    except (errors.InsufficientPrivilege, OSError):
        return {"disk_bytes": None, "disk_used": None}
    return {"disk_bytes": float(usage.used + usage.free), "disk_used": float(usage.used)}


def outlook(found: Sequence[Row], given: Given) -> tuple[Forecast, float | None]:
    """The forecast, and the share of the disk used now. A declared size counts over one that was seen."""
    row = found[0]
    capacity = given.disk_bytes or row["disk_bytes"]
    used = row["all_bytes"] if given.disk_bytes or row["disk_used"] is None else row["disk_used"]
    others = used - row["all_bytes"]
    limit = capacity * FULL - others if capacity else None
    return forecast(given.history, given.now, limit), used / capacity if capacity else None


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    ahead, share = outlook(found, given)
    if share is None:
        reason = 'the size of the disk is not known: write [database.machine] disk = "100 GiB"'
        return [Finding(Level.UNKNOWN, "disk", reason)]
    if share >= FULL:
        reason = f"{share * 100:.0f} % used; largest is {found[0]['relation']} with {size(found[0]['bytes'])}"
        return [Finding(Level.CRITICAL, "disk", reason, "golive db archive")]
    if ahead.at is None or ahead.at - given.now > WARN_AHEAD:
        return []
    level = Level.CRITICAL if ahead.at - given.now <= PAGE_AHEAD else Level.WARNING
    reason = f"{share * 100:.0f} % used, {size(ahead.growth_per_day or 0)} more a day: 85 % {ahead.reason}"
    return [Finding(level, "disk", reason, "golive db archive")]


def alarms(found: Sequence[Row], given: Given) -> list[Alarm]:
    return [
        Alarm("", Severity(one.level.value), one.reason, "The database's disk fills")
        for one in judge(found, given)
        if one.level in (Level.CRITICAL, Level.WARNING)
    ]


def measures(found: Sequence[Row], given: Given) -> dict[str, float]:
    _, share = outlook(found, given)
    return {"disk.bytes": found[0]["all_bytes"], **({"disk.share": share} if share is not None else {})}


COLLECTOR = Collector(
    "disk",
    "Disk",
    "What takes the space, and when is it full?",
    Pace.SLOW,
    read,
    judge,
    (
        Column("schema", "Schema"),
        Column("relation", "Table"),
        Column("bytes", "In all", "size"),
        Column("heap_bytes", "Rows", "size"),
        Column("index_bytes", "Indexes", "size"),
        Column("toast_bytes", "Large values", "size"),
    ),
    alarms,
    measures,
    order=51,
    history="disk.bytes",
)
