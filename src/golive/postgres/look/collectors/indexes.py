"""Indexes that are invalid, duplicate, covered by another or never used, and foreign keys without one."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from psycopg import sql

from golive.postgres.look.collector import Collector, Column, Finding, Given, Level, Pace, Row, Server, size, statements

LONG_ENOUGH = timedelta(days=30)  # monthly jobs use theirs once a month
WORTH_BYTES = 8 * 1024**2
WORTH_ROWS = 10_000


def read(server: Server) -> list[Row]:
    queries = statements("indexes")
    indexes = [{"kind": "index", **row} for row in server.rows(queries["indexes"])]
    missing = [
        {"kind": "foreign key", "index": row["constraint"], "definition": f"({row['columns']}) → {row['parent']}",
         "scans": None, **row}
        for row in server.rows(queries["foreign_keys"])
    ]  # fmt: skip
    locked = [
        {"kind": "locked", "index": "", "definition": "", "scans": None, "bytes": None, "columns": "", **row}
        for row in server.rows(queries["locked"])
    ]
    return [*missing, *indexes, *locked]


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    indexes = [row for row in found if row["kind"] == "index"]
    return [
        *_invalid(indexes),
        *(finding for finding, _ in duplicates(indexes)),
        *(_missing(row) for row in found if row["kind"] == "foreign key" and row["tuples"] >= WORTH_ROWS),
        *(_locked(row) for row in found if row["kind"] == "locked"),
        *_unused(indexes, given.now, {name for _, name in duplicates(indexes)}),
    ]


def _locked(row: Row) -> Finding:
    why = "a session holds it or waits for it whole; its indexes are looked at when it lets go (golive db look locks)"
    return Finding(Level.UNKNOWN, f"{row['schema']}.{row['relation']}", why)


def _drop(row: Row) -> tuple[str, str]:
    identifier = sql.Identifier(row["schema"], row["index"]).as_string()
    create = row["definition"].replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
    return f"DROP INDEX CONCURRENTLY {identifier};", f"{create};"


def _invalid(indexes: Sequence[Row]) -> Iterator[Finding]:
    for row in indexes:
        if not row["valid"]:
            reason = f"invalid: a CREATE INDEX CONCURRENTLY failed; it is written ({size(row['bytes'])}) but never read"
            yield Finding(Level.WARNING, f"{row['schema']}.{row['index']}", reason, *_drop(row))


def _shape(row: Row) -> tuple[str, ...]:
    return (row["schema"], row["relation"], row["method"], row["predicate"])


def _keys(row: Row) -> list[tuple[str, ...]]:
    """The key columns in order, each with its operator class, collation and direction."""
    many = row["key_columns"]
    parts = (row["keys"].split()[:many], row["classes"].split(), row["collations"].split(), row["options"].split())
    return list(zip(*parts, strict=False))


def duplicates(indexes: Sequence[Row]) -> list[tuple[Finding, str]]:
    """Indexes that another one makes needless, each with its name: the same, or one whose columns begin alike."""
    said = []
    valid = [row for row in indexes if row["valid"]]
    for one in valid:
        if one["is_unique"] or one["is_primary"] or one["is_constraint"] or one["is_replica_identity"]:
            continue  # it holds a promise as well
        for other in valid:
            if other is one or _shape(one) != _shape(other) or one["expressions"] != other["expressions"]:
                continue
            mine, theirs = _keys(one), _keys(other)
            same = mine == theirs and set(one["keys"].split()) <= set(other["keys"].split())
            if same and (other["is_unique"] or other["name"] < one["name"]):
                why = f"does what {other['index']} does"
            elif (
                one["method"] == "btree"
                and len(mine) < len(theirs)
                and theirs[: len(mine)] == mine
                and not one["expressions"]
                and len(one["keys"].split()) == len(mine)
            ):
                why = f"begins like {other['index']}, which serves the same queries"
            else:
                continue
            reason = f"{why}; it takes {size(one['bytes'])} and is written on every change"
            said.append((Finding(Level.WARNING, f"{one['schema']}.{one['index']}", reason, *_drop(one)), one["name"]))
            break
    return said


def _missing(row: Row) -> Finding:
    reason = (
        f"{row['constraint']} ({row['columns']}) has no index: deleting or changing a row of {row['parent']} reads "
        f"all {row['tuples']:.0f} rows"
    )
    return Finding(
        Level.WARNING,
        f"{row['schema']}.{row['relation']}",
        reason,
        f"CREATE INDEX CONCURRENTLY ON {row['name']} ({row['columns']});",
        "DROP INDEX CONCURRENTLY …;",
    )


def _unused(indexes: Sequence[Row], now: datetime, told: set[str]) -> Iterator[Finding]:
    for row in indexes:
        since = row["since"]
        promised = row["is_unique"] or row["is_primary"] or row["is_constraint"] or row["is_replica_identity"]
        if row["scans"] or promised or not row["valid"] or row["bytes"] < WORTH_BYTES or row["name"] in told:
            continue
        if since is not None and now - since < LONG_ENOUGH:
            continue
        watched = f"in the {(now - since).days} days watched" if since else "since statistics began"
        reason = (
            f"never read here {watched}; it takes {size(row['bytes'])}. Replicas count on their own: look there too"
        )
        yield Finding(Level.INFO, f"{row['schema']}.{row['index']}", reason, *_drop(row))


COLLECTOR = Collector(
    "indexes",
    "Indexes",
    "Which are useless, broken or missing?",
    Pace.SLOW,
    read,
    judge,
    (
        Column("schema", "Schema"),
        Column("relation", "Table"),
        Column("kind", "Kind"),
        Column("index", "Name"),
        Column("scans", "Scans", "number"),
        Column("bytes", "Size", "size"),
        Column("definition", "Definition", "code"),
    ),
    order=50,
)
