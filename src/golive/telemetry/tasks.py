"""The telemetry room's own upkeep: keep the store within its budget of bytes."""

import logging
import os
from datetime import datetime, timedelta

from golive.kit.clock import SYSTEM
from golive.kit.periodic import Periodic, Process
from golive.telemetry import reserve, store
from golive.telemetry.retention import Drop, Partition, Plan, budget, plan

DISK_FULL = 243  # NOT_ENOUGH_SPACE
log = logging.getLogger(__name__)

_PARTITIONS = """
SELECT table, partition_id, partition, sum(bytes_on_disk) AS size_bytes
FROM system.parts
WHERE active AND database = {database:String}
GROUP BY table, partition_id, partition"""
_FREE = "SELECT min(free_space) AS free_bytes FROM system.disks"


_QUIET = """
SELECT _partition_id AS partition_id, countIf(severity_number < 13) / count() AS share
FROM logs GROUP BY partition_id"""
_DROP = "ALTER TABLE {table:Identifier} DROP PARTITION ID {identity:String}"
_DELETE_QUIET = """
ALTER TABLE {table:Identifier} DELETE IN PARTITION ID {identity:String} WHERE severity_number < 13
SETTINGS mutations_sync = 1"""


def keep_within_budget(now: datetime | None = None) -> Plan:
    """Let go what the budget of GOLIVE_STORE_BYTES has no room for; returns what was decided. Raises StoreError."""
    partitions = [
        Partition(found["table"], found["partition_id"], found["partition"], int(found["size_bytes"]))
        for found in store.rows(_PARTITIONS, database=store.DATABASE)
    ]
    asked = os.environ.get("GOLIVE_STORE_BYTES")
    used = sum(partition.size_bytes for partition in partitions)
    allowed = budget(int(asked) if asked else None, used, int(store.row(_FREE)["free_bytes"]))
    if used > allowed:
        partitions = _divided(partitions)
    decided = plan(partitions, allowed, now or SYSTEM.now())
    for drop in decided.drops:
        _let_go(drop)
    if decided.short_bytes:
        log.error("The telemetry store is above its budget: %s.", decided.reason)
    return decided


def _divided(partitions: list[Partition]) -> list[Partition]:
    shares = {found["partition_id"]: float(found["share"]) for found in store.rows(_QUIET)}
    return [
        part
        for whole in partitions
        for part in (whole.divided(shares.get(whole.identity, 0.0)) if whole.table == "logs" else (whole,))
    ]


def _let_go(drop: Drop) -> None:
    partition = drop.partition
    sql = _DELETE_QUIET if partition.quiet else _DROP
    try:
        store.command(sql, table=partition.table, identity=partition.identity)
    except store.StoreError as error:
        if getattr(error.__cause__, "code", None) != DISK_FULL or not reserve.release():
            raise
        log.warning("The disk is full: its reserve is given up to let old telemetry go.")
        store.command(_DROP, table=partition.table, identity=partition.identity)
    what = f"{partition.kind.name.lower()} of " if partition.kind is not None else ""
    log.warning(
        "Let go %s%s %s (%d bytes): %s.", what, partition.table, partition.name, partition.size_bytes, drop.reason
    )


def _run() -> None:
    keep_within_budget()
    if "GOLIVE_CLICKHOUSE_URL" not in os.environ:
        reserve.keep()


PERIODIC = [Periodic("telemetry budget", timedelta(minutes=10), _run, Process.JOBS)]
