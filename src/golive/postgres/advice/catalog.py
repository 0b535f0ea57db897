"""What the advisor knows of a schema: tables, columns with their statistics, indexes. Read once, then plain data."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from golive.kit.named import queries

SQL = queries(Path(__file__).with_name("catalog.sql"))
PAGE_BYTES = 8192


@dataclass(frozen=True)
class Column:
    """A column and the planner's statistics of it. `distinct` counts values; shares are of 1."""

    name: str
    type: str
    width: int = 8
    distinct: float = 0.0
    null_share: float = 0.0
    correlation: float = 0.0
    common: tuple[tuple[str, float], ...] = ()
    bounds: tuple[str, ...] = ()

    def share_of_a_value(self, value: str | None = None) -> float:
        """The share of rows that one value selects: of this value when it is a common one, else of an average one."""
        for text, share in self.common:
            if text == value:
                return share
        rest = max(1.0 - self.null_share - sum(share for _, share in self.common), 0.0)
        others = self.distinct - len(self.common)
        if value is not None and others >= 1:
            return rest / others
        return (1.0 - self.null_share) / self.distinct if self.distinct >= 1 else 1.0


@dataclass(frozen=True)
class Index:
    """An index that exists. `keys` are columns or expressions as PostgreSQL writes them."""

    name: str
    keys: tuple[str, ...]
    include: tuple[str, ...] = ()
    method: str = "btree"
    predicate: str = ""
    unique: bool = False
    constrained: bool = False
    valid: bool = True
    size_bytes: int = 0
    scans: int = 0
    definition: str = ""
    schema: str = "public"
    descending: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table with what was written to it since its statistics began."""

    name: str
    schema: str = "public"
    kind: str = "r"
    rows: float = 0.0
    pages: int = 0
    size_bytes: int = 0
    inserted: int = 0
    updated: int = 0
    hot_updated: int = 0
    deleted: int = 0
    seq_scans: int = 0
    seq_rows: int = 0
    columns: Mapping[str, Column] = field(default_factory=dict)
    indexes: tuple[Index, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.schema, self.name


@dataclass(frozen=True)
class Catalog:
    """Tables by schema and name; `path` is the search path that resolves bare names."""

    tables: Mapping[tuple[str, str], Table]
    path: tuple[str, ...] = ("public",)
    extensions: frozenset[str] = frozenset()
    version: int = 150000

    def find(self, name: str, schema: str = "") -> Table | None:
        """The table that a query means, or None (a view, a function, another database's)."""
        for place in (schema,) if schema else self.path:
            if found := self.tables.get((place, name)):
                return found
        return None


def read(connection: Connection[Any], names: Sequence[str] | None = None) -> Catalog:
    """Read the catalog, only tables called `names` when given: with 10 000 tables nobody wants all."""
    with connection.cursor(row_factory=dict_row) as cursor:
        tables = cursor.execute(SQL["tables"], {"names": list(names) if names is not None else None}).fetchall()
        oids = [row["oid"] for row in tables]
        columns, indexes = defaultdict(list), defaultdict(list)
        for row in cursor.execute(SQL["columns"], {"oids": oids}).fetchall():
            columns[row["oid"]].append(row)
        for row in cursor.execute(SQL["indexes"], {"oids": oids}).fetchall():
            indexes[row["oid"]].append(row)
        path = cursor.execute("SELECT current_schemas(false)::text[] AS path").fetchone()
        extensions = cursor.execute("SELECT extname::text FROM pg_catalog.pg_extension").fetchall()
    found = [_table(row, columns[row["oid"]], indexes[row["oid"]]) for row in tables]
    return Catalog(
        {table.key: table for table in found},
        tuple(path["path"]) if path else ("public",),
        frozenset(row["extname"] for row in extensions),
        connection.info.server_version,
    )


def _table(row: dict[str, Any], columns: list[dict[str, Any]], indexes: list[dict[str, Any]]) -> Table:
    rest = {key: value for key, value in row.items() if key != "oid"}
    return Table(
        **rest,
        columns={each["name"]: _column(each, row["rows"]) for each in columns},
        indexes=tuple(_index(each) for each in indexes),
    )


def _column(row: dict[str, Any], rows: float) -> Column:
    distinct = row["distinct"]  # negative: a share of the rows
    return Column(
        row["name"],
        row["type"],
        row["width"],
        -distinct * rows if distinct < 0 else distinct,
        row["null_share"],
        row["correlation"],
        tuple(zip(row["common"] or (), row["shares"] or (), strict=False)),
        tuple(row["bounds"] or ()),
    )


def _index(row: dict[str, Any]) -> Index:
    count = row["key_count"]
    return Index(
        row["name"],
        tuple(row["keys"][:count]),
        tuple(row["keys"][count:]),
        row["method"],
        row["predicate"] or "",
        row["unique"],
        row["constrained"],
        row["valid"],
        row["size_bytes"],
        row["scans"],
        row["definition"],
        row["schema"],
        tuple(row["descending"]),
    )
