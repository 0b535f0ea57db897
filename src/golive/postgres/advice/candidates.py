"""Which indexes could serve an access: from its predicates, joins, grouping and ordering, pruned by statistics."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import permutations

from golive.postgres.advice.access import POINT, Access, Op, Reading, Term
from golive.postgres.advice.candidate import Candidate, Key, serves
from golive.postgres.advice.catalog import Index, Table

SMALL_ROWS, SMALL_PAGES = 1_000, 16
MANY = 60  # candidates for one access
WIDEST_INCLUDE, MOST_INCLUDED = 120, 5
BRIN_PAGES, BRIN_CORRELATION = 4_096, 0.95
UNSELECTIVE = 0.3  # of the table's rows, below which an index alone can hardly help
_NOT_FLAGS = {
    Op.TRUE: "{}", Op.FALSE: "NOT {}", Op.NULL: "{} IS NULL", Op.NOT_NULL: "{} IS NOT NULL",
}  # fmt: skip


def too_small(table: Table) -> bool:
    """Whether reading the whole table is as good as any index."""
    return table.rows < SMALL_ROWS or table.pages < SMALL_PAGES


def candidates(
    reading: Reading, extensions: Iterable[str] = (), *, beside: bool = False, provable: bool = True
) -> list[Candidate]:
    """All candidates of a statement, without those that an existing index already serves.

    `beside` lets one through that only begins an existing, wider index: smaller, but hardly ever worth its writes.
    What is not `provable` is not advised on a guess: of a range of an expression the planner always expects a third.
    """
    found: dict[Candidate, None] = {}
    for access in reading.accesses:
        if too_small(access.table):
            continue
        known = access if provable else replace(access, terms=[each for each in access.terms if not _guessed(each)])
        fresh = [one for one in _of(known, set(extensions)) if not _exists(access.table, one, beside)]
        found.update(dict.fromkeys(fresh[:MANY]))
    return list(found)


def _guessed(term: Term) -> bool:
    return term.expression and term.op is Op.RANGE


def _exists(table: Table, candidate: Candidate, beside: bool) -> bool:
    return any(
        serves(index, candidate) and not (beside and len(index.keys) > len(candidate.keys)) for index in table.indexes
    )


def _of(access: Access, extensions: set[str]) -> Iterator[Candidate]:
    table = access.table
    for keys in _sequences(access):
        one = Candidate(table.schema, table.name, keys)
        yield one
        if (wide := _covering(access, one)) is not None:
            yield wide
    yield from _partial(access)
    yield from _brin(access)
    yield from _inverted(access, extensions)


def share(table: Table, term: Term) -> float:
    """The share of the table's rows that a comparison is expected to select."""
    if term.expression or (column := table.columns.get(term.key)) is None:
        return 0.05
    if term.op is Op.NULL:
        return column.null_share
    if term.op is Op.NOT_NULL:
        return 1 - column.null_share
    if term.op in (Op.TRUE, Op.FALSE):
        return column.share_of_a_value("t" if term.op is Op.TRUE else "f")
    if term.op in (Op.EQUAL, Op.ANY, Op.ARRAY):
        rare = min((each for _, each in column.common), default=1.0)
        return min(column.share_of_a_value(term.value), rare if term.value is None else 1.0)
    return 0.1


def _key(term: Term) -> Key:
    opclass = "text_pattern_ops" if term.op in (Op.PREFIX, Op.CONTAINS) else ""
    return Key(term.key, expression=term.expression, opclass=opclass)


def _sequences(access: Access) -> Iterator[tuple[Key, ...]]:
    table = access.table
    points = sorted((term for term in access.terms if term.op in POINT[:4]), key=lambda term: share(table, term))[:4]
    points.sort(key=lambda term: term.op is not Op.EQUAL)  # an order survives behind equalities only
    equal = tuple(dict.fromkeys(Key(term.key, expression=term.expression) for term in points))
    spans = [_key(term) for term in access.terms if term.op in (Op.RANGE, Op.PREFIX) or _pattern(table, term)]
    joins = [Key(name) for name in access.joins[:3]]
    order = _order(access)
    group = tuple(Key(name) for name in access.group)
    useful = [Key(term.key, expression=term.expression) for term in points if share(table, term) <= UNSELECTIVE]
    seen: set[tuple[Key, ...]] = set()
    for keys in (
        equal,
        *((*equal, *order) for _ in order[:1]),
        *((*equal, span) for span in spans),
        *((*useful, span) for span in spans),
        *((key,) for key in useful),
        *((key, *order) for key in useful if order),
        *((key, span) for key in useful for span in spans),
        order,
        *((span,) for span in spans),
        *((join,) for join in joins),
        *((join, *equal) for join in joins),
        *((*equal, join) for join in joins),
        *((join, *order) for join in joins if order),
        *((join, span) for join in joins for span in spans),
        *((span, join) for join in joins for span in spans),
        *permutations(joins, 2),
        *permutations(equal, 2),
        (*equal, *group) if group else (),
        group,
        *((Key(term.key, expression=term.expression),) for term in access.either if term.op in POINT),
        *((_key(term),) for term in access.either if term.op in (Op.RANGE, Op.PREFIX)),
        *permutations(_attributes(access), 2),
    ):
        unique = _plain(keys)
        if unique and unique not in seen and len(unique) <= 5:
            seen.add(unique)
            yield unique


def _attributes(access: Access) -> list[Key]:
    """The columns that the statement compares, joins, groups or orders by: pairs may serve without the table."""
    terms = [term.key for term in (*access.terms, *access.either) if not term.expression]
    names = dict.fromkeys([*terms, *access.joins, *access.group, *(each.key for each in access.order)])
    return [Key(name) for name in names][:6]


def _pattern(table: Table, term: Term) -> bool:
    """LIKE with an argument not known yet may turn out to be a prefix."""
    column = table.columns.get(term.key)
    return term.op is Op.CONTAINS and term.value is None and column is not None and bool(term.parameters)


def _plain(keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """Each column once, at its first place."""
    return tuple({key.text: key for key in reversed(keys)}.values())[::-1]


def _order(access: Access) -> tuple[Key, ...]:
    """The ordering's keys; when all go one way an ascending index is read backwards as well."""
    mixed = len({each.descending for each in access.order}) > 1
    return tuple(Key(each.key, each.descending and mixed) for each in access.order)


def _covering(access: Access, candidate: Candidate) -> Candidate | None:
    if access.needed is None:
        return None
    keys = {key.text for key in candidate.keys if not key.expression}
    extra = sorted(access.needed - keys)
    columns = [access.table.columns[name] for name in extra if name in access.table.columns]
    if not extra or len(extra) > MOST_INCLUDED or sum(column.width for column in columns) > WIDEST_INCLUDE:
        return None
    return replace(candidate, include=tuple(extra))


def _partial(access: Access) -> Iterator[Candidate]:
    table = access.table
    for flag in access.terms:
        if flag.op not in _NOT_FLAGS or flag.expression or share(table, flag) > 0.5:
            continue
        predicate = _NOT_FLAGS[flag.op].format(Key(flag.key).sql())
        rest = replace(access, terms=[term for term in access.terms if term is not flag])
        sequences = [keys for keys in _sequences(rest) if all(key.text != flag.key for key in keys)]
        if not sequences:
            narrow = sorted(
                table.columns.values(), key=lambda column: (column.name not in (access.needed or ()), column.width)
            )
            sequences = [(Key(column.name),) for column in narrow[:1]]
        for keys in sequences[:6]:
            yield Candidate(table.schema, table.name, keys, predicate=predicate, share=share(table, flag))


def _brin(access: Access) -> Iterator[Candidate]:
    table = access.table
    for term in access.terms:
        column = table.columns.get(term.key)
        if term.op is Op.RANGE and column and table.pages >= BRIN_PAGES and abs(column.correlation) >= BRIN_CORRELATION:
            yield Candidate(table.schema, table.name, (Key(term.key),), method="brin")


def _inverted(access: Access, extensions: set[str]) -> Iterator[Candidate]:
    table = access.table
    for term in (*access.terms, *access.either):
        column = table.columns.get(term.key)
        kind = column.type if column else ""
        opclass: str | None = None
        if (term.op is Op.ELEMENT and (kind == "jsonb" or kind.endswith("[]"))) or term.op is Op.MATCH:
            opclass = ""
        elif term.op is Op.CONTAINS and "pg_trgm" in extensions:
            opclass = "gin_trgm_ops"
        if opclass is not None:
            key = Key(term.key, expression=term.expression, opclass=opclass)
            yield Candidate(table.schema, table.name, (key,), method="gin")


def as_candidate(index: Index, table: Table) -> Candidate:
    """An index that exists, in a candidate's form."""
    keys = tuple(Key(text.strip('"'), expression=text.strip('"') not in table.columns) for text in index.keys)
    return Candidate(table.schema, table.name, keys, index.include, index.method, index.predicate)
