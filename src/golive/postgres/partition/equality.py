"""Are two tables equal? Their rows and the sum of their hashes, slice by slice, with rests between."""

import time

from psycopg import sql

from golive.postgres.partition.pace import Pace
from golive.postgres.session import Connection, one, rows

S = sql.SQL
SLICE_BYTES = 8 * 1024**2  # at most
SLICE_SECONDS = 0.002  # who shares a core with a slice waits until it is done
TID_RANGES = 140000  # the first version that reads a range of pages without reading all


def summed(
    connection: Connection, table: sql.Composable, row_hash: sql.Composable, condition: sql.Composable, pace: Pace
) -> tuple[int, int]:
    """How many rows `t` of an ordinary table meet the condition, and the sum of their hashes.

    Equal only within one snapshot: the caller's transaction is a repeatable read.
    """
    count, total = 0, 0
    slices = Slices(connection, table)
    while part := slices.next():
        began = time.monotonic()
        found = one(
            connection,
            S("SELECT count(*) AS rows, COALESCE(sum({}::numeric), 0) AS hash FROM {} AS t WHERE {} AND {}").format(
                row_hash, table, part, condition
            ),
        )
        count, total = count + found["rows"], total + int(found["hash"])
        slices.took(time.monotonic() - began)
        pace.breathe(began)
    return count, total


def step_after(step: int, seconds: float, most: int) -> int:
    """How many pages to read next when `step` took so long: twice or half as many at most."""
    return max(1, min(round(step * max(0.5, min(2.0, SLICE_SECONDS / max(seconds, 1e-6)))), most))


class Slices:
    """Conditions on `t` that each take pages for a moment's work, and together every row that the snapshot sees."""

    def __init__(self, connection: Connection, table: sql.Composable) -> None:
        size = one(
            connection,
            "SELECT pg_relation_size(%(table)s::regclass) AS bytes, current_setting('block_size')::int AS page",
            {"table": table.as_string()},
        )
        self._most = SLICE_BYTES // size["page"]
        self._step = self._most // 64
        self._end = size["bytes"] // size["page"]
        self._at: int | None = 0
        self._ranges = connection.info.server_version >= TID_RANGES

    def next(self) -> sql.Composable | None:
        """The next one; None when all were given."""
        if self._at is None:
            return None
        begin, self._at = self._at, self._at + self._step
        if not self._ranges:
            self._at = None
            return S("true")
        if self._at >= self._end:  # whatever came since has no end
            self._at = None
            return S("t.ctid >= {}").format(sql.Literal(f"({begin},0)"))
        return S("t.ctid >= {} AND t.ctid < {}").format(sql.Literal(f"({begin},0)"), sql.Literal(f"({self._at},0)"))

    def took(self, seconds: float) -> None:
        """How long the last one took."""
        self._step = step_after(self._step, seconds, self._most)


def leaves(connection: Connection, table: sql.Composable) -> list[sql.SQL]:
    """The partitions of a table that hold rows."""
    found = rows(
        connection,
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE c.oid IN "
        "(SELECT relid FROM pg_partition_tree(%(table)s::regclass) WHERE isleaf) ORDER BY c.oid",
        {"table": table.as_string()},
    )
    return [S(each["name"]) for each in found]
