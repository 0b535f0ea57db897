"""SHOW POOLS, judged: clients that wait longer than a moment while the pool is nearly all in use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from golive.alerts.models import Severity, State
from golive.postgres.conditions import Judged
from golive.postgres.trouble import DatabaseAway, explain, said

FULL, WAIT_SECONDS, LONG_WAIT_SECONDS = 0.80, 1.0, 10.0
SUSTAINED = timedelta(seconds=45)


@dataclass(frozen=True)
class Standing:
    """One pool (database and role): clients in service and waiting, server connections in use and allowed."""

    database: str
    role: str
    clients: int
    waiting: int
    in_use: int
    idle: int
    allowed: int
    max_wait_seconds: float

    @property
    def share(self) -> float:
        return self.in_use / self.allowed if self.allowed else 0.0


def ask(url: str, *commands: str) -> list[list[dict[str, Any]]]:
    """What a PgBouncer's console answers to each command; nothing to one without rows. Raises DatabaseTrouble."""
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=5, prepare_threshold=None,
            row_factory=dict_row, cursor_factory=psycopg.ClientCursor,  # it speaks the simple protocol only
        ) as connection:  # fmt: skip
            cursors = (connection.execute(command) for command in commands)
            return [cursor.fetchall() if cursor.description else [] for cursor in cursors]
    except psycopg.OperationalError as error:
        raise DatabaseAway(
            f"The pool does not answer ({said(error)}); `golive db pool start --apply` starts it."
        ) from error
    except psycopg.Error as error:
        raise explain(error, "the pool") from error


def read(url: str) -> list[Standing]:
    """How each pool of a PgBouncer stands. Raises DatabaseTrouble."""
    pools, databases = ask(url, "SHOW POOLS", "SHOW DATABASES")
    known = {row["name"]: row for row in databases}
    return [standing(row, known) for row in pools if row["database"] != "pgbouncer"]


def standing(row: dict[str, Any], databases: dict[str, dict[str, Any]]) -> Standing:
    """One row of SHOW POOLS with its limit from SHOW DATABASES; numbers arrive as text."""
    limit = databases.get(row["database"], {})
    reserve = limit.get("reserve_pool_size", limit.get("reserve_pool", 0))  # its name since 1.24, and before
    return Standing(
        database=row["database"],
        role=row["user"],
        clients=int(row["cl_active"]),
        waiting=int(row["cl_waiting"]),
        in_use=int(row["sv_active"]),
        idle=int(row["sv_idle"]) + int(row["sv_used"]),
        allowed=int(limit.get("pool_size", 0)) + int(reserve),
        max_wait_seconds=float(row["maxwait"]) + float(row.get("maxwait_us", 0)) / 1e6,
    )


def judge(found: Sequence[Standing]) -> Judged:
    """How the pools stand. Waiting clients alone are normal: that is what a pool is for."""
    title = "The connection pool is full"
    if not found:
        return Judged("pool", State.OK, Severity.INFO, "no client has come yet", "The connection pool is idle")
    worst = max(found, key=lambda pool: (pool.max_wait_seconds >= WAIT_SECONDS, pool.share))
    said = (
        f"{worst.in_use} of {worst.allowed} server connections of {worst.role}@{worst.database} are in use "
        f"({worst.share * 100:.0f} %), {worst.waiting} clients wait, the longest {worst.max_wait_seconds:.1f} s"
    )
    if worst.share > FULL and worst.max_wait_seconds >= LONG_WAIT_SECONDS:
        return Judged("pool", State.FIRING, Severity.CRITICAL, said, title, after=SUSTAINED)
    if worst.share > FULL and worst.max_wait_seconds >= WAIT_SECONDS:
        return Judged("pool", State.FIRING, Severity.WARNING, said, title, after=SUSTAINED)
    return Judged("pool", State.OK, Severity.INFO, said, "The connection pool has room")
