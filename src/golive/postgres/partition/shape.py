"""A table as it is: all that a partitioned one in its place must have."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import sql

from golive.kit.named import queries
from golive.postgres.partition.divide import How, unfit
from golive.postgres.session import Connection, one, rows
from golive.postgres.trouble import DatabaseTrouble

SQL = queries(Path(__file__).with_name("shape.sql"))
Row = dict[str, Any]


class CannotPartition(DatabaseTrouble):
    """The table cannot be partitioned as asked; the message says why and what to do first."""


@dataclass
class Shape:
    """What the catalogs say of a table."""

    schema: str
    name: str
    oid: int
    kind: str
    owner: str
    rows: float
    columns: list[Row]
    constraints: list[Row]
    indexes: list[Row]
    triggers: list[Row]
    grants: list[Row]
    views: list[Row]
    inbound: list[Row]
    partitions: list[Row]
    flags: Row = field(default_factory=dict)
    apart: list[str] = field(default_factory=list)
    """What tells rows apart where partitions have keys of their own: the key that all have, and their column."""

    @property
    def primary(self) -> list[str]:
        """The columns by which rows are told apart: those of the primary key."""
        return next((list(each["columns"]) for each in self.constraints if each["kind"] == "p"), self.apart)

    @property
    def unique(self) -> list[Row]:
        """The primary key and the unique constraints."""
        return [each for each in self.constraints if each["kind"] in ("p", "u")]

    @property
    def where(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def column(self, name: str) -> Row:
        """A column by name. Raises CannotPartition."""
        for each in self.columns:
            if each["name"] == name:
                return each
        raise CannotPartition(f"{self.name} has no column {name}; it has {', '.join(c['name'] for c in self.columns)}")


_QUOTED = re.compile(r'(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)')


def split(table: str) -> tuple[str, str]:
    """Schema and name of schema.name or name; either may be in double quotes, as psql wants it."""
    match = _QUOTED.fullmatch(table)
    if match is None:
        raise CannotPartition(f"{table} is no table's name; write schema.name, with double quotes around odd ones.")
    schema, name = (_plain(part) if part else "public" for part in match.groups())
    return schema, name


def _plain(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def look(connection: Connection, table: str) -> Shape:
    """Read a table's shape. Raises CannotPartition when there is none."""
    schema, name = split(table)
    found = one(connection, SQL["table"], {"schema": schema, "name": name})
    if not found:
        raise CannotPartition(f"There is no table {schema}.{name}.")
    key = {"oid": found["oid"], "table": sql.Identifier(schema, name).as_string()}
    parts = ("columns", "constraints", "indexes", "triggers", "grants", "views", "inbound", "partitions")
    found_parts = {part: rows(connection, SQL[part], key) for part in parts}
    ours = ("_golive_key", "_golive_bound")  # what a conversion that was killed has left
    for part in ("indexes", "constraints"):
        found_parts[part] = [each for each in found_parts[part] if not any(mark in each["name"] for mark in ours)]
    apart = rows(connection, SQL["part_keys"], key) if found["kind"] == "p" else []
    return Shape(
        schema,
        name,
        found["oid"],
        found["kind"],
        found["owner"],
        max(found["rows"], 0.0),
        flags={each: found[each] for each in ("row_security", "has_rules", "is_partition", "inherits", "published")},
        apart=list(dict.fromkeys(apart[0]["columns"])) if len(apart) == 1 and len(apart[0]["columns"]) > 1 else [],
        **found_parts,
    )


def weight(connection: Connection, shape: Shape) -> tuple[float, float]:
    """Bytes and rows of the table with all that hangs on it, as far as the catalogs know."""
    found = one(
        connection,
        "SELECT COALESCE(sum(pg_table_size(c.oid)), 0)::float8 AS bytes,"
        " COALESCE(sum(greatest(c.reltuples, 0)), 0)::float8 AS rows FROM pg_class c WHERE c.oid = %(oid)s"
        " OR c.oid IN (SELECT relid FROM pg_partition_tree(%(oid)s::oid::regclass))",
        {"oid": shape.oid},
    )
    return found["bytes"], found["rows"]


def refusal(shape: Shape, by: str, how: How = How.RANGE) -> str | None:
    """Why the table cannot be partitioned by this column as it is, or None."""
    if shape.kind != "r":
        return f"{shape.name} is not an ordinary table" + (": it is partitioned already" if shape.kind == "p" else "")
    column = shape.column(by)
    if reason := unfit(how, column["type"]):
        return f"{by} cannot divide {shape.name}: {reason}"
    if not column["required"]:
        return f"{by} may be NULL: set it NOT NULL first (add CHECK ({by} IS NOT NULL) NOT VALID, then VALIDATE it)"
    for flag, said in (
        ("row_security", "it has row-level security"),
        ("has_rules", "it has rules"),
        ("is_partition", "it is itself a partition"),
        ("inherits", "it takes part in inheritance"),
        ("published", "it is in a publication: take it out and add the partitioned table afterwards"),
    ):
        if shape.flags.get(flag):
            return f"{shape.name} cannot be converted: {said}"
    fixed = [each for each in shape.inbound if by not in each["columns"] or each["itself"] or each["kind"] == "p"]
    if fixed:
        names = ", ".join(f"{each['name']} of {each['source']}" for each in fixed)
        return (
            f"foreign keys point at {shape.name} ({names}), and a partitioned table's keys must hold {by}: drop them, "
            f"or let them reference the key with {by}, first"
        )
    for each in shape.views:
        if each["kind"] != "v":
            return f"the materialized view {each['name']} reads it: drop it first and make it again afterwards"
    for each in shape.constraints:
        if each["kind"] == "x":
            return f"the exclusion constraint {each['name']} cannot be carried over"
    if any(each["unique"] for each in shape.indexes):
        loose = [each["name"] for each in shape.indexes if each["unique"]]
        return f"unique index {', '.join(loose)} belongs to no constraint and would lose its meaning across partitions"
    return None
