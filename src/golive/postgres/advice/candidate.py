"""An index that does not exist yet: what it is, how large it will be, what it is called, how it is made."""

import hashlib
import math
import re
from dataclasses import dataclass, field, replace

from psycopg import sql

from golive.postgres.advice.catalog import PAGE_BYTES, Column, Index, Table

NAME_BYTES = 63
_FILL = 0.9
_PAGE_ROOM = PAGE_BYTES - 24 - 16
_TUPLE_HEADER, _LINE_POINTER, _ROW_POINTER = 8, 4, 6
_NO_DEDUPLICATION = ("numeric", "real", "double precision", "jsonb")
_NOISE = re.compile(r"[\s\"()]|::\w+( varying)?|\b(asc|nulls (first|last))\b", re.I)


@dataclass(frozen=True)
class Key:
    """One key of an index: a column's name, or SQL of an expression. `opclass` when not the type's own."""

    text: str
    descending: bool = False
    expression: bool = False
    opclass: str = ""

    def sql(self) -> str:
        # An expression comes out of the parser's own writer, never from a user's string.
        text = f"({self.text})" if self.expression else sql.Identifier(self.text).as_string()
        return " ".join(filter(None, [text, self.opclass, "DESC" if self.descending else ""]))


@dataclass(frozen=True)
class Candidate:
    """A possible index. `predicate` is SQL without table names; `share` of the table's rows meet it."""

    schema: str
    table: str
    keys: tuple[Key, ...]
    include: tuple[str, ...] = ()
    method: str = "btree"
    predicate: str = ""
    share: float = field(default=1.0, compare=False)

    @property
    def name(self) -> str:
        """A name that says what it is, within PostgreSQL's 63 bytes."""
        parts = [
            re.sub(r"\W+", "_", f"{key.text}{' desc' if key.descending else ''}").strip("_").lower()
            for key in self.keys
        ]
        parts += ["pattern" for key in self.keys if key.opclass == "text_pattern_ops"]
        kind = {"btree": "", "gin": "_gin", "brin": "_brin", "gist": "_gist"}[self.method]
        name = f"{self.table}_{'_'.join(parts)}{'_covering' if self.include else ''}{'_part' if self.predicate else ''}"
        name = f"{name}{kind}_ix"
        if len(name.encode()) <= NAME_BYTES:
            return name
        mark = hashlib.sha256(self.body().encode()).hexdigest()[:8]
        return f"{name.encode()[: NAME_BYTES - 12].decode(errors='ignore')}_{mark}_ix"

    def body(self) -> str:
        """Everything after the index's name: ON table USING method (...) INCLUDE (...) WHERE ..."""
        where = sql.Identifier(self.schema, self.table).as_string()
        text = f"ON {where} USING {self.method} ({', '.join(key.sql() for key in self.keys)})"
        if self.include:
            text += f" INCLUDE ({', '.join(sql.Identifier(name).as_string() for name in self.include)})"
        return text + (f" WHERE {self.predicate}" if self.predicate else "")

    def create(self, *, concurrently: bool = False, hypothetical: bool = False) -> str:
        """The statement that makes it; HypoPG wants no name."""
        name = "" if hypothetical else sql.Identifier(self.name).as_string() + " "
        return f"CREATE INDEX {'CONCURRENTLY ' if concurrently else ''}{name}{self.body()}"

    def widened(self, *keys: Key) -> "Candidate":
        return replace(self, keys=(*self.keys, *keys))


def same(text: str) -> str:
    """A key or predicate without the ways in which PostgreSQL and we write the same thing."""
    return _NOISE.sub("", text).lower()


def serves(index: Index, candidate: Candidate) -> bool:
    """Whether an index that exists already does what the candidate would do."""
    if index.method != candidate.method or not index.valid:
        return False
    if index.predicate and same(index.predicate) != same(candidate.predicate):
        return False
    have, want = [same(key) for key in index.keys], [same(key.text) for key in candidate.keys]
    if have[: len(want)] != want:
        return False
    down = list(index.descending[: len(want)]) or [False] * len(want)
    if len(want) > 1 and down not in (
        [key.descending for key in candidate.keys],
        [not k.descending for k in candidate.keys],
    ):
        return False
    return set(candidate.include) <= {each.strip('"') for each in (*index.keys, *index.include)}


def covers(wide: Candidate, narrow: Candidate) -> bool:
    """Whether one candidate does all that another does."""
    return (
        (wide.schema, wide.table, wide.method, wide.predicate)
        == (narrow.schema, narrow.table, narrow.method, narrow.predicate)
        and wide.keys[: len(narrow.keys)] == narrow.keys
        and set(narrow.include) <= {key.text for key in wide.keys} | set(wide.include)
    )


def size_bytes(candidate: Candidate, table: Table) -> int:
    """How large it will be.

    A btree as PostgreSQL 13 and later build it: equal keys share one tuple with a list of row pointers of 6 bytes.
    HypoPG knows nothing of that and says up to four times too much.
    """
    rows = max(table.rows * candidate.share, 1.0)
    columns = [table.columns.get(key.text) or Column(key.text, "text", 16) for key in candidate.keys]
    if candidate.method == "brin":
        return PAGE_BYTES * (3 + math.ceil(table.pages / 128 * 40 / PAGE_BYTES))
    if candidate.method == "gin":
        return int(rows * 1.2 * sum(column.width for column in columns)) + PAGE_BYTES
    width = _aligned(sum(column.width + (1 if column.width > 16 else 0) for column in columns))
    included = [table.columns[name] for name in candidate.include if name in table.columns]
    if included or any(column.type.startswith(_NO_DEDUPLICATION) for column in columns):
        width = _aligned(sum(column.width for column in (*columns, *included)))
        used = rows * (_TUPLE_HEADER + width + _LINE_POINTER)
    else:
        groups = min(rows, math.prod(max(column.distinct, 1.0) for column in columns))
        each = rows / groups
        head = _TUPLE_HEADER + width + _LINE_POINTER
        if each < 1.5:
            used = rows * head
        else:
            tuples = max(1.0, each * _ROW_POINTER / 1300)  # a list ends at about a sixth of a page
            used = groups * (tuples * (head + width % 8) + each * _ROW_POINTER)
    return PAGE_BYTES * (2 + math.ceil(used / (_PAGE_ROOM * _FILL) * 1.005))


def _aligned(width: float) -> int:
    return math.ceil(max(width, 1) / 8) * 8
