"""How a statement reaches each of its tables: which columns it compares, joins, groups, orders and needs.

Read from the parsed text alone (sqlglot, PostgreSQL's dialect); nothing is sent to a server.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from golive.postgres.advice.catalog import Catalog, Table

DIALECT = "postgres"
_TYPED_PARAMETER = re.compile(r"\b(interval|date|timestamp|timestamptz|time)\s+(\$\d+)", re.I)
_PARAMETER = re.compile(r"\$(\d+)")
_UNIT = re.compile(r"DATE_TRUNC\('(\w+)'")
MARK = "golive_parameter"  # sqlglot takes "$1, $2" for the beginning of a dollar-quoted string


class ParseError(ValueError):
    """The statement's text cannot be read: it was cut off, or its syntax is not known."""


class Op(StrEnum):
    """How a column or expression is compared."""

    EQUAL = "="
    ANY = "in"
    ARRAY = "= any"
    NULL = "is null"
    NOT_NULL = "is not null"
    TRUE = "is true"
    FALSE = "is false"
    RANGE = "range"
    PREFIX = "prefix"
    CONTAINS = "contains"  # LIKE '%x%', ILIKE, ~: trigrams
    ELEMENT = "element"  # jsonb and arrays: @>, ?, &&
    MATCH = "match"  # tsvector @@


POINT = (Op.EQUAL, Op.ANY, Op.ARRAY, Op.NULL, Op.TRUE, Op.FALSE)


@dataclass(frozen=True)
class Term:
    """One comparison. `key` is the column's name or, with `expression`, SQL without table names."""

    key: str
    op: Op
    columns: frozenset[str]
    parameters: tuple[int, ...] = ()
    value: str | None = None
    expression: bool = False


@dataclass(frozen=True)
class Order:
    """One key of an ORDER BY that is a column of the table."""

    key: str
    descending: bool = False


@dataclass
class Access:
    """One use of a table by a statement. `needed` is None when every column is needed."""

    table: Table
    alias: str
    terms: list[Term] = field(default_factory=list)
    either: list[Term] = field(default_factory=list)  # below an OR: each wants an index of its own
    joins: list[str] = field(default_factory=list)
    order: tuple[Order, ...] = ()
    group: tuple[str, ...] = ()
    limited: bool = False
    needed: frozenset[str] | None = frozenset()


@dataclass
class Reading:
    """What a statement does. `written` are the columns that an UPDATE sets."""

    tree: exp.Expr
    accesses: list[Access]
    verb: str = "select"
    target: Table | None = None
    written: frozenset[str] = frozenset()


_FIRST_WORD = re.compile(r"(?>\s|\(|--[^\n]*\n|/\*.*?\*/)*+([a-z]+)", re.I | re.S)  # never asked twice of a comment
_QUERIES = ("select", "with", "insert", "update", "delete", "merge", "values", "table")


def parse(text: str) -> exp.Expr:
    """The one statement of the text. Raises ParseError."""
    word = _FIRST_WORD.match(text)
    if word and word[1].lower() not in _QUERIES:
        raise ParseError(f"it is a {word[1].upper()}, not a query")
    marked = _PARAMETER.sub(rf"{MARK}(\1)", _TYPED_PARAMETER.sub(r"\2::\1", text))
    try:
        found = [tree for tree in sqlglot.parse(marked, dialect=DIALECT) if tree]
    except (SqlglotError, RecursionError) as error:
        raise ParseError("its text is cut off (track_activity_query_size) or not known to the parser") from error
    if len(found) != 1:
        raise ParseError(f"it holds {len(found)} statements")
    if not isinstance(found[0], exp.Query | exp.Insert | exp.Update | exp.Delete | exp.Merge):
        raise ParseError(f"it is a {found[0].key.upper()}, not a query")
    return found[0]


def read(text: str, catalog: Catalog) -> Reading:
    """Parse, and find every access to a table of the catalog. Raises ParseError."""
    tree = parse(text)
    reading = Reading(tree, [], tree.key)
    if isinstance(tree, exp.Insert | exp.Update | exp.Delete):
        _writing(tree, catalog, reading)
    queries = [tree] if isinstance(tree, exp.Query) else list(_outermost(tree))
    for query in queries:
        try:
            scopes = traverse_scope(query)
        except SqlglotError as error:
            raise ParseError("its names cannot be resolved") from error
        for scope in scopes:
            if isinstance(scope.expression, exp.Select):
                reading.accesses += _Scope(scope, catalog).accesses()
    return reading


def _outermost(tree: exp.Expr) -> Iterator[exp.Query]:
    for node in tree.find_all(exp.Select):
        if node.find_ancestor(exp.Query) is None:
            yield node


def _writing(tree: exp.Expr, catalog: Catalog, reading: Reading) -> None:
    table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if not isinstance(table, exp.Table) or (found := catalog.find(table.name, table.db)) is None:
        return
    reading.target = found
    if isinstance(tree, exp.Update):
        sets = [each.this for each in tree.expressions if isinstance(each, exp.EQ)]
        reading.written = frozenset(each.name for each in sets if isinstance(each, exp.Column))
    where = tree.args.get("where")
    if where is not None:
        collector = _Collector({table.alias_or_name: Access(found, table.alias_or_name, needed=None)})
        collector.condition(where.this)
        reading.accesses += collector.by_alias.values()


class _Collector:
    """Sorts conditions into the accesses of one scope."""

    def __init__(self, by_alias: dict[str, Access]) -> None:
        self.by_alias = by_alias

    def owner(self, column: exp.Column) -> Access | None:
        if column.table:
            found = self.by_alias.get(column.table)
            return found if found and column.name in found.table.columns else None
        return next((one for one in self.by_alias.values() if column.name in one.table.columns), None)

    def condition(self, node: exp.Expr, *, either: bool = False) -> None:
        node = node.unnest()
        if isinstance(node, exp.And):
            self.condition(node.left, either=either)
            self.condition(node.right, either=either)
        elif isinstance(node, exp.Or):
            self.condition(node.left, either=True)
            self.condition(node.right, either=True)
        else:
            self._compare(node, either)

    def _compare(self, node: exp.Expr, either: bool) -> None:
        for side, other, op in _comparisons(node):
            side = side.unnest()
            access, term = self._term(side, other, op)
            if access is None or term is None:
                continue
            if op is Op.EQUAL and any(self.owner(each) not in (None, access) for each in other.find_all(exp.Column)):
                if not term.expression and isinstance(other.unnest(), exp.Column) and not either:
                    _add(access.joins, term.key)
            elif other.find(exp.Column) and any(self.owner(each) is access for each in other.find_all(exp.Column)):
                continue  # the table's columns with each other
            else:
                _add(access.either if either else access.terms, term)

    def _term(self, side: exp.Expr, other: exp.Expr, op: Op) -> tuple[Access | None, Term | None]:
        columns = [side] if isinstance(side, exp.Column) else list(side.find_all(exp.Column))
        owners = [self.owner(column) for column in columns]
        if not owners or owners[0] is None or any(owner is not owners[0] for owner in owners):
            return None, None
        expression = not isinstance(side, exp.Column)
        if expression and (side.find(exp.AggFunc, exp.Query, exp.Window) or parameters(side)):
            return None, None
        literal = other.unnest()
        return owners[0], Term(
            key_of(side),
            op,
            frozenset(column.name for column in columns),
            _direct(other),
            literal.name if isinstance(literal, exp.Literal) else None,
            expression,
        )


def _comparisons(node: exp.Expr) -> Iterator[tuple[exp.Expr, exp.Expr, Op]]:
    """(compared side, other side, operator): a join's equality gives both sides."""
    if isinstance(node, exp.EQ | exp.NullSafeEQ):
        left, right = node.left, node.right
        operator = Op.ARRAY if right.find(exp.Any) else Op.EQUAL
        yield left, right, operator
        yield right, left, Op.EQUAL
    elif isinstance(node, exp.GT | exp.GTE | exp.LT | exp.LTE) and isinstance(node.left.unnest(), exp.Tuple):
        for column in node.left.unnest().expressions:  # a keyset: (a, b) > ($1, $2)
            yield column, node.right, Op.RANGE
    elif isinstance(node, exp.GT | exp.GTE | exp.LT | exp.LTE):
        yield node.left, node.right, Op.RANGE
        yield node.right, node.left, Op.RANGE
    elif isinstance(node, exp.Between):
        bounds = exp.Tuple(expressions=[node.args["low"].copy(), node.args["high"].copy()])
        yield node.this, bounds, Op.RANGE
    elif isinstance(node, exp.In) and node.expressions:
        yield node.this, exp.Tuple(expressions=[each.copy() for each in node.expressions]), Op.ANY
    elif isinstance(node, exp.Is):
        null, negated = isinstance(node.expression, exp.Null), bool(node.args.get("negate"))
        if null or not negated:
            op = (Op.NOT_NULL if negated else Op.NULL) if null else _truth(node.expression)
            yield node.this, exp.Null(), op
    elif isinstance(node, exp.Not) and isinstance(node.this.unnest(), exp.Is):
        yield node.this.unnest().this, exp.Null(), Op.NOT_NULL
    elif isinstance(node, exp.Not) and isinstance(node.this.unnest(), exp.Column):
        yield node.this.unnest(), exp.Null(), Op.FALSE
    elif isinstance(node, exp.Column):
        yield node, exp.Null(), Op.TRUE
    elif node.args.get("negate"):
        return
    elif isinstance(node, exp.Like | exp.ILike | exp.RegexpLike | exp.RegexpILike | exp.SimilarTo):
        pattern = node.expression.unnest()
        text = pattern.name if isinstance(pattern, exp.Literal) else None
        prefix = isinstance(node, exp.Like) and text is not None and not text.startswith(("%", "_"))
        yield node.this, node.expression, Op.PREFIX if prefix else Op.CONTAINS
    elif isinstance(node, exp.ArrayContainsAll | exp.ArrayOverlaps | exp.JSONBContainsTopKey):
        yield node.this, node.expression, Op.ELEMENT
    elif isinstance(node, exp.MatchAgainst) and node.expressions:
        yield node.expressions[0], node.this, Op.MATCH


def _direct(node: exp.Expr) -> tuple[int, ...]:
    """The parameters that are compared themselves, not as a part of some arithmetic."""
    node = node.unnest()
    if isinstance(node, exp.Tuple | exp.Array):
        return tuple(number for each in node.expressions for number in _direct(each))
    if isinstance(node, exp.Any | exp.Cast):
        return _direct(node.this)
    return parameters(node) if isinstance(node, exp.Anonymous) and node.name == MARK else ()


def _truth(node: exp.Expr) -> Op:
    return Op.FALSE if isinstance(node, exp.Boolean) and not node.this else Op.TRUE


def key_of(node: exp.Expr) -> str:
    """A column's name, or an expression's SQL without table names."""
    if isinstance(node, exp.Column):
        return node.name
    bare = node.copy()
    for column in bare.find_all(exp.Column):
        column.set("table", None)
        column.set("db", None)
    return _UNIT.sub(lambda match: match[0].replace(match[1], match[1].lower()), bare.sql(dialect=DIALECT))


def parameters(node: exp.Expr) -> tuple[int, ...]:
    """The numbers of the $n below a node."""
    found = [call for call in node.find_all(exp.Anonymous) if call.name == MARK]
    return tuple(int(call.expressions[0].name) for call in found if call.expressions)


def _add(to: list[Any], item: Any) -> None:
    if item not in to:
        to.append(item)


class _Scope:
    """One SELECT: its tables, and what it does with their columns."""

    def __init__(self, scope: Scope, catalog: Catalog) -> None:
        self.scope = scope
        self.select = cast(exp.Select, scope.expression)
        self.collector = _Collector({})
        for alias, (_, source) in scope.selected_sources.items():
            if isinstance(source, exp.Table) and (table := catalog.find(source.name, source.db)):
                self.collector.by_alias[alias] = Access(table, alias)

    def accesses(self) -> list[Access]:
        select = self.select
        if where := select.args.get("where"):
            self.collector.condition(where.this)
        for join in select.args.get("joins") or ():
            if on := join.args.get("on"):
                self.collector.condition(on)
            for name in join.args.get("using") or ():
                for access in self.collector.by_alias.values():
                    if name.name in access.table.columns:
                        _add(access.joins, name.name)
        self._needs()
        self._ordering()
        return list(self.collector.by_alias.values())

    def _needs(self) -> None:
        star = any(isinstance(each, exp.Star) for each in self.select.expressions)
        stars = {each.table for each in self.select.expressions if isinstance(each, exp.Column) and each.is_star}
        for column in self.scope.columns:
            owner = self.collector.owner(column)
            if owner is not None and owner.needed is not None:
                owner.needed |= {column.name}
        for access in self.collector.by_alias.values():
            if star or access.alias in stars:
                access.needed = None

    def _ordering(self) -> None:
        select = self.select
        limited = select.args.get("limit") is not None
        names = {each.alias: each.unalias() for each in select.expressions if isinstance(each, exp.Alias)}
        order = select.args.get("order")
        if order is not None:
            keys = [(_named(each.this, names), bool(each.args.get("desc"))) for each in order.expressions]
            self._order(keys, limited)
        elif select.args.get("distinct") is not None and not select.args.get("group"):
            self._grouping(list(select.expressions))
        if (group := select.args.get("group")) is not None:
            self._grouping([_named(each, names) for each in group.expressions])
        elif len(select.expressions) == 1 and isinstance(extreme := select.expressions[0].unalias(), exp.Max | exp.Min):
            self._order([(extreme.this, isinstance(extreme, exp.Max))], limited=True)

    def _order(self, keys: Sequence[tuple[exp.Expr, bool]], limited: bool) -> None:
        found: list[Order] = []
        owner: Access | None = None
        for node, descending in keys:
            here = self.collector.owner(node) if isinstance(node, exp.Column) else None
            if here is None or owner not in (None, here):
                return
            owner = here
            found.append(Order(node.name, descending))
        if owner is not None:
            owner.order, owner.limited = tuple(found), limited

    def _grouping(self, keys: Sequence[exp.Expr]) -> None:
        nodes = [key.unalias() for key in keys]
        owners = [self.collector.owner(node) if isinstance(node, exp.Column) else None for node in nodes]
        if owners and owners[0] is not None and all(owner is owners[0] for owner in owners):
            owners[0].group = tuple(node.name for node in nodes)


def _named(node: exp.Expr, names: dict[str, exp.Expr]) -> exp.Expr:
    """What an ORDER BY or GROUP BY key stands for: an output column's alias, or itself."""
    if isinstance(node, exp.Column) and not node.table and node.name in names:
        return names[node.name]
    return node
