"""Known traps in a statement's text: what is wrong, what to write instead, and when it does not matter."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from golive.postgres.advice.access import DIALECT, MARK, Reading, key_of, parameters
from golive.postgres.advice.candidates import too_small
from golive.postgres.advice.catalog import Catalog, Column, Table

MANY_ROWS = 10_000
DEEP_OFFSET = 1_000
_MARKED = re.compile(rf"{MARK}\((\d+)\)", re.I)
_TEXT, _NUMBERS = (
    ("text", "character varying", "varchar", "character", "citext"),
    ("numeric", "double precision", "real"),
)
_INTEGERS = ("integer", "bigint", "smallint", "int")


@dataclass(frozen=True)
class Trap:
    """One finding: its kind, what happens, what to write instead."""

    kind: str
    problem: str
    instead: str


@dataclass(frozen=True)
class Repetition:
    """A statement that one request runs again and again, as the traces saw it."""

    route: str
    per_request: float


def traps(reading: Reading, catalog: Catalog, rows_per_call: float = 0.0, offset: int | None = None) -> list[Trap]:
    """All traps of a statement on tables that are large enough to matter. `offset` is one that was recorded."""
    found: list[Trap] = []
    for detector in (_offset, _not_in, _functions, _casts, _counting, _everything, _random):
        found += detector(reading, catalog, rows_per_call, offset)
    return found


def deepest(reading: Reading, recorded: Iterable[tuple[str | None, ...]]) -> int | None:
    """The largest OFFSET among arguments that really came; None when it is no parameter or none are known."""
    node = reading.tree.args.get("offset")
    numbers = parameters(node) if node is not None else ()
    values = [each[numbers[0] - 1] for each in recorded if numbers and len(each) >= numbers[0]]
    return max((int(value) for value in values if value and value.isdigit()), default=None)


def repeated(reading: Reading, repetition: Repetition | None) -> list[Trap]:
    """N+1: the same small SELECT many times within one request."""
    if repetition is None or repetition.per_request < 5 or reading.verb != "select":
        return []
    names = sorted({access.table.name for access in reading.accesses})
    return [
        Trap(
            "n_plus_one",
            f"{repetition.route} runs it {repetition.per_request:.0f} times a request",
            f"fetch {' and '.join(names) or 'it'} for all parents at once: a join, or WHERE key = ANY($1) "
            "(select_related or prefetch_related in Django, joinedload or selectinload in SQLAlchemy)",
        )
    ]


def _large(reading: Reading) -> list[Table]:
    return [access.table for access in reading.accesses if access.table.rows >= MANY_ROWS]


def _offset(reading: Reading, _catalog: Catalog, _rows: float, offset: int | None) -> Iterator[Trap]:
    node = reading.tree.args.get("offset")
    if node is None or not _large(reading):
        return
    literal = node.expression
    deep = int(literal.name) if isinstance(literal, exp.Literal) and literal.name.isdigit() else offset
    if deep is not None and deep < DEEP_OFFSET:
        return
    order = reading.tree.args.get("order")
    keys = [written(each.this) for each in order.expressions] if order else ["id"]
    yield Trap(
        "offset",
        "OFFSET reads and throws away all earlier rows: page 1 000 costs 1 000 times page 1",
        f"remember the last row and continue behind it: WHERE ({', '.join(keys)}) > (last values) "
        f"ORDER BY {', '.join(keys)} LIMIT n",
    )


def _not_in(reading: Reading, _catalog: Catalog, _rows: float, _offset: int | None) -> Iterator[Trap]:
    for node in reading.tree.find_all(exp.Not):
        inside = node.this.unnest()
        if isinstance(inside, exp.In) and inside.args.get("query") is not None:
            yield Trap(
                "not_in",
                "NOT IN (SELECT ...) cannot become an anti join, and gives no row at all if the list holds one NULL",
                f"NOT EXISTS with a subquery that compares its column with {written(inside.this)}",
            )


def _functions(reading: Reading, catalog: Catalog, _rows: float, _offset: int | None) -> Iterator[Trap]:
    for access in reading.accesses:
        if too_small(access.table):
            continue
        for term in access.terms:
            if not term.expression or len(term.columns) != 1:
                continue
            column = access.table.columns.get(next(iter(term.columns)))
            if column is None or not column.type.startswith(("timestamp", "date")):
                continue
            if any(same_key(key, term.key) for index in access.table.indexes for key in index.keys):
                continue
            yield Trap(
                "function_on_column",
                f"{term.key} is computed for every row of {access.table.name}: no index on {column.name} serves it",
                f"compare {column.name} itself with a range: {column.name} >= start AND {column.name} < end",
            )


def _casts(reading: Reading, catalog: Catalog, _rows: float, _offset: int | None) -> Iterator[Trap]:
    for access in reading.accesses:
        if too_small(access.table):
            continue
        for node in reading.tree.find_all(exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In):
            sides = [node.this, *([node.expression] if node.args.get("expression") else node.expressions)]
            for side, other in ((sides[0], sides[-1]), (sides[-1], sides[0])):
                column = _column(side, access.table, access.alias)
                if column is not None and (said := _mismatch(column, other)):
                    yield Trap("implicit_cast", said[0], said[1])
                elif isinstance(side, exp.Cast) and (cast := _column(side.this, access.table, access.alias)):
                    to = side.to.sql(dialect=DIALECT).lower()
                    if to in (*_TEXT, "decimal", "numeric") and not cast.type.startswith(("timestamp", "date")):
                        yield Trap(
                            "implicit_cast",
                            f"{cast.name} ({cast.type}) is cast to {to} for every row of {access.table.name}",
                            f"pass the value as {cast.type} and leave the column alone",
                        )


def _column(node: exp.Expr, table: Table, alias: str) -> Column | None:
    if isinstance(node, exp.Column) and node.table in ("", alias):
        return table.columns.get(node.name)
    return None


def _mismatch(column: Column, other: exp.Expr) -> tuple[str, str] | None:
    if column.type not in _INTEGERS:
        return None
    if isinstance(other, exp.Literal) and not other.is_string and "." in other.name:
        return (
            f"{column.name} is {column.type}, but is compared with the decimal {other.name}: the column is cast",
            f"compare with a whole number, or cast the value: {other.name}::{column.type}",
        )
    if isinstance(other, exp.Cast) and other.to.sql(dialect=DIALECT).lower() in ("decimal", *_NUMBERS):
        return (
            f"{column.name} is {column.type}, but the argument is numeric: the column is cast for every row",
            f"pass the argument as {column.type}",
        )
    return None


def _counting(reading: Reading, _catalog: Catalog, _rows: float, _offset: int | None) -> Iterator[Trap]:
    tree = reading.tree
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or tree.args.get("group"):
        return
    only = tree.expressions[0].unalias()
    if not isinstance(only, exp.Count) or not isinstance(only.this, exp.Star):
        return
    if len(reading.accesses) != 1 or (access := reading.accesses[0]).table.rows < 10 * MANY_ROWS:
        return
    if tree.args.get("where") is None:
        yield Trap(
            "count",
            f"count(*) visits all {access.table.rows:.0f} rows of {access.table.name}, every time",
            "pg_class.reltuples is a good estimate for pages and badges; where it must be exact, keep a counter",
        )


def _everything(reading: Reading, _catalog: Catalog, rows: float, _offset: int | None) -> Iterator[Trap]:
    tree = reading.tree
    if (
        isinstance(tree, exp.Select)
        and rows >= MANY_ROWS
        and tree.args.get("limit") is None
        and not tree.args.get("group")
    ):
        if tree.find(exp.AggFunc):
            return
        yield Trap(
            "unbounded",
            f"it returns {rows:.0f} rows a call",
            "add a LIMIT, or read it in portions with a server-side cursor",
        )


def _random(reading: Reading, _catalog: Catalog, _rows: float, _offset: int | None) -> Iterator[Trap]:
    order = reading.tree.args.get("order")
    if order is None or not _large(reading):
        return
    if any(isinstance(each.this, exp.Rand) for each in order.expressions):
        yield Trap(
            "order_by_random",
            "ORDER BY random() reads and sorts the whole table",
            "TABLESAMPLE SYSTEM (1) for a rough sample, or look up random keys: WHERE id >= random value LIMIT 1",
        )


def written(node: exp.Expr) -> str:
    """A node as the user wrote it, parameters as $n."""
    return _MARKED.sub(r"$\1", key_of(node))


def same_key(index_key: str, key: str) -> bool:
    """Whether an index's key is this expression, but for writing."""
    return re.sub(r"[\s()\"]|::\w+", "", index_key).lower() == re.sub(r"[\s()\"]|::\w+", "", key).lower()


def first(found: Iterable[Trap]) -> Trap | None:
    """The most serious of several."""
    return next(iter(found), None)
