"""Are two tables equal? Their rows and the sum of their hashes, slice by slice, with rests between."""

import time
from collections.abc import Iterator
from itertools import pairwise

from psycopg import sql

from golive.postgres.partition.pace import Pace
from golive.postgres.session import Connection, one, rows

S = sql.SQL
SLICE_BYTES = 8 * 1024**2
TID_RANGES = 140000  # the first version that reads a range of pages without reading all


def summed(
    connection: Connection, table: sql.Composable, row_hash: sql.Composable, condition: sql.Composable, pace: Pace
) -> tuple[int, int]:
    """How many rows `t` of an ordinary table meet the condition, and the sum of their hashes.

    Equal only within one snapshot: the caller's transaction is a repeatable read.
    """
    count, total = 0, 0
    for part in slices(connection, table):
        began = time.monotonic()
        found = one(
            connection,
            S("SELECT count(*) AS rows, COALESCE(sum({}::numeric), 0) AS hash FROM {} AS t WHERE {} AND {}").format(
                row_hash, table, part, condition
            ),
        )
        count, total = count + found["rows"], total + int(found["hash"])
        pace.breathe(began)
    return count, total


def slices(connection: Connection, table: sql.Composable) -> Iterator[sql.Composable]:
    """Conditions that each take few pages and together every row that the snapshot sees."""
    if connection.info.server_version < TID_RANGES:
        yield S("true")
        return
    size = one(
        connection,
        "SELECT pg_relation_size(%(table)s::regclass) AS bytes, current_setting('block_size')::int AS page",
        {"table": table.as_string()},
    )
    step = SLICE_BYTES // size["page"]
    begins = [f"({page},0)" for page in range(0, size["bytes"] // size["page"] + 1, step)]
    for begin, end in pairwise(begins):
        yield S("t.ctid >= {} AND t.ctid < {}").format(sql.Literal(begin), sql.Literal(end))
    yield S("t.ctid >= {}").format(sql.Literal(begins[-1]))  # whatever came since has no end


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
