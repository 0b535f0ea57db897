"""What a database holds, so that a restored one can be compared: counts, hashes and how often each table changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from golive.postgres.session import Connection, one, rows, session
from golive.postgres.trouble import too_large
from golive.postgres.wide import row_hash

HASHED_UP_TO_BYTES = 256 * 1024**2
FORMULA = 2  # of the hashes: those of another cannot be compared
TABLES = """
SELECT c.oid::regclass::text AS name, n.nspname AS schema, c.relname AS relation,
       coalesce(s.n_tup_ins, 0)::float8 AS inserted, coalesce(s.n_tup_upd, 0)::float8 AS updated,
       coalesce(s.n_tup_del, 0)::float8 AS deleted, count(*) OVER () AS total,
       ARRAY(SELECT ARRAY[a.attname::text, format_type(a.atttypid, a.atttypmod)] FROM pg_attribute AS a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS columns
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'golive') AND c.relpersistence = 'p'
ORDER BY c.relpages DESC
LIMIT 2000
"""


@dataclass(frozen=True)
class Difference:
    """A table that is not as it should be, and why."""

    table: str
    reason: str


def take(url: str) -> dict[str, Any]:
    """The manifest of a database, from one snapshot; larger tables are counted, not hashed. Raises DatabaseTrouble.

    A table that is locked or gone by now is `skipped`: a backup does not wait for it.
    """
    with session(url, statement_timeout=timedelta(minutes=30), autocommit=False) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        identity = one(connection, "SELECT system_identifier::text AS id FROM pg_control_system()")
        tables, skipped, total = {}, [], 0
        for row in rows(connection, TABLES):
            total = row["total"]  # the query itself gives the largest only
            try:
                with connection.transaction():
                    found = _contents(connection, row)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable):
                skipped.append(row["name"])
                continue
            changes = {name: row[name] for name in ("inserted", "updated", "deleted")}
            tables[row["name"]] = {**found, **changes}
        roles = [row["rolname"] for row in rows(connection, "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'")]
    return {
        "system": identity["id"],
        "tables": tables,
        "total": total,
        "roles": sorted(roles),
        "skipped": skipped,
        "formula": FORMULA,
    }


def _contents(connection: Connection, table: Mapping[str, Any]) -> DictRow:
    """Rows and hash. A value that is larger as text than PostgreSQL can write leaves the table without a hash."""
    place = sql.Identifier(table["schema"], table["relation"])
    count = sql.SQL("SELECT count(*)::float8 AS rows, {} AS hash FROM {} AS t")
    value = sql.SQL("sum({}::numeric)::text").format(row_hash([(name, kind) for name, kind in table["columns"]]))
    size = one(connection, "SELECT pg_table_size(%(place)s)::float8 AS bytes", {"place": place.as_string()})
    if size["bytes"] <= HASHED_UP_TO_BYTES:
        try:
            with connection.transaction():
                return one(connection, count.format(value, place))
        except psycopg.Error as error:
            if not too_large(error):
                raise
    return one(connection, count.format(sql.SQL("NULL::text"), place))


def changes(url: str) -> dict[str, dict[str, float]]:
    """How often each table has changed by now."""
    with session(url) as connection:
        return {
            row["name"]: {name: row[name] for name in ("inserted", "updated", "deleted")}
            for row in rows(connection, TABLES)
        }


def compare(
    before: Mapping[str, Any], now: Mapping[str, Mapping[str, float]], restored: Mapping[str, Any]
) -> list[Difference]:
    """What a database restored to some instant after `before` may not be.

    A table that has not changed since must be the same to the last bit. One that has must hold at least what was
    there less what was deleted since, and at most that and what was inserted.
    """
    wrong = []
    alike = before.get("formula") == restored.get("formula")
    for name, was in before["tables"].items():
        there = restored["tables"].get(name)
        if name not in now:
            continue  # dropped since
        if there is None:
            wrong.append(Difference(name, "is missing"))
            continue
        grown = {key: now[name][key] - was[key] for key in ("inserted", "updated", "deleted")}
        if any(value < 0 for value in grown.values()):
            continue  # the statistics were reset: nothing can be said
        if not any(grown.values()):
            if there["rows"] != was["rows"]:
                wrong.append(Difference(name, f"holds {there['rows']:.0f} rows, not {was['rows']:.0f}"))
            elif alike and there["hash"] != was["hash"]:
                wrong.append(Difference(name, "holds other rows than were backed up"))
            continue
        least, most = was["rows"] - grown["deleted"], was["rows"] + grown["inserted"]
        if not least <= there["rows"] <= most:
            wrong.append(Difference(name, f"holds {there['rows']:.0f} rows; {least:.0f} to {most:.0f} can be right"))
    return wrong
