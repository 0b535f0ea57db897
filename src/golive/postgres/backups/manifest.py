"""What a database holds, so that a restored one can be compared: counts, hashes and how often each table changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import sql

from golive.postgres.session import one, rows, session

HASHED_UP_TO_BYTES = 256 * 1024**2
TABLES = """
SELECT c.oid::regclass::text AS name, n.nspname AS schema, c.relname AS relation, pg_table_size(c.oid)::float8 AS bytes,
       coalesce(s.n_tup_ins, 0)::float8 AS inserted, coalesce(s.n_tup_upd, 0)::float8 AS updated,
       coalesce(s.n_tup_del, 0)::float8 AS deleted, count(*) OVER () AS total
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
    """The manifest of a database, from one snapshot; larger tables are counted, not hashed. Raises DatabaseTrouble."""
    with session(url, statement_timeout=timedelta(minutes=30), autocommit=False) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        identity = one(connection, "SELECT system_identifier::text AS id FROM pg_control_system()")
        tables, total = {}, 0
        for row in rows(connection, TABLES):
            total = row["total"]  # the query itself gives the largest only
            place = sql.Identifier(row["schema"], row["relation"])
            hashed = row["bytes"] <= HASHED_UP_TO_BYTES
            value = sql.SQL("sum(hashtextextended(t::text, 0)::numeric)::text" if hashed else "NULL::text")
            found = one(
                connection, sql.SQL("SELECT count(*)::float8 AS rows, {} AS hash FROM {} AS t").format(value, place)
            )
            changes = {name: row[name] for name in ("inserted", "updated", "deleted")}
            tables[row["name"]] = {**found, **changes}
        roles = [row["rolname"] for row in rows(connection, "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'")]
    return {"system": identity["id"], "tables": tables, "total": total, "roles": sorted(roles)}


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
            elif there["hash"] != was["hash"]:
                wrong.append(Difference(name, "holds other rows than were backed up"))
            continue
        least, most = was["rows"] - grown["deleted"], was["rows"] + grown["inserted"]
        if not least <= there["rows"] <= most:
            wrong.append(Difference(name, f"holds {there['rows']:.0f} rows; {least:.0f} to {most:.0f} can be right"))
    return wrong
