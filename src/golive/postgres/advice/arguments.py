"""Arguments for a statement's parameters: recorded ones where there are any, else values from the statistics.

A generic plan hides skew, so several sets are tried: a common value, a middling one, a rare one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql
from sqlglot import exp

from golive.postgres.advice.access import MARK, Op, Reading, Term, parameters
from golive.postgres.advice.catalog import Column

PARAMETER = re.compile(r"\$(\d+)")
ORDINARY = {
    "interval": "7 days", "date": "2024-01-01", "text": "a", "boolean": "true", "uuid": "0" * 32, "jsonb": "{}",
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """The statement with arguments in place, the share of its calls that it stands for, and where they came from."""

    text: str
    share: float = 1.0
    origin: str = "as written"


def samples(text: str, reading: Reading, recorded: tuple[tuple[str | None, ...], ...] = ()) -> list[Sample]:
    """Up to three samples of a statement."""
    numbers = sorted({int(number) for number in PARAMETER.findall(text)})
    if not numbers:
        return [Sample(text)]
    whole = [each for each in recorded if len(each) >= numbers[-1]]
    if whole:
        chosen = _spread(whole, 3)
        return [Sample(fill(text, dict(enumerate(each, 1))), 1 / len(chosen), "recorded") for each in chosen]
    columns = _columns(reading)
    ranks = ("common", "middle", "rare")
    found: dict[str, Sample] = {}
    for rank, share in zip(ranks, (0.5, 0.3, 0.2), strict=True):
        values = {number: _value(number, columns, reading, rank) for number in numbers}
        filled = fill(text, values)
        have = found.get(filled)
        found[filled] = Sample(filled, share + (have.share if have else 0.0), "from column statistics")
    return list(found.values())


def _spread(items: list[tuple[str | None, ...]], count: int) -> list[tuple[str | None, ...]]:
    step = max(len(items) // count, 1)
    return items[::step][:count]


def fill(text: str, values: dict[int, str | None]) -> str:
    """Put quoted literals in place of $n; PostgreSQL gives each the type that its place wants."""

    def literal(match: re.Match[str]) -> str:
        value = values.get(int(match[1]))
        return "NULL" if value is None else sql.Literal(value).as_string()

    return PARAMETER.sub(literal, text)


def _columns(reading: Reading) -> dict[int, tuple[Column, Term, int]]:
    found: dict[int, tuple[Column, Term, int]] = {}
    for access in reading.accesses:
        for term in (*access.terms, *access.either):
            column = access.table.columns.get(term.key) or _one(access.table.columns, term)
            for place, number in enumerate(term.parameters):
                if column is not None:
                    found.setdefault(number, (column, term, place))
    return found


def _one(columns: Mapping[str, Column], term: Term) -> Column | None:
    return columns.get(next(iter(term.columns))) if len(term.columns) == 1 else None


def _value(number: int, columns: dict[int, tuple[Column, Term, int]], reading: Reading, rank: str) -> str | None:
    if number in columns:
        column, term, place = columns[number]
        return _of(column, term, place, rank)
    for call in reading.tree.find_all(exp.Anonymous):
        if call.name == MARK and parameters(call) == (number,):
            return _by_place(call, reading)
    return "1"


def _by_place(call: exp.Anonymous, reading: Reading) -> str:
    if call.find_ancestor(exp.Limit):
        return "20"
    if call.find_ancestor(exp.Offset):
        return "0"
    if isinstance(call.parent, exp.Cast):
        kind = call.parent.to.sql(dialect="postgres").lower()
        return ORDINARY.get(kind, "1")
    assigned = call.find_ancestor(exp.EQ)
    if assigned is not None and isinstance(assigned.left, exp.Column) and reading.target:
        column = reading.target.columns.get(assigned.left.name)
        if column is not None:
            return _of(column, None, 0, "middle") or "1"
    if isinstance(reading.tree, exp.Insert) and reading.target and isinstance(call.parent, exp.Tuple):
        place = call.parent.expressions.index(call)
        listed = (
            [each.name for each in reading.tree.this.expressions] if isinstance(reading.tree.this, exp.Schema) else []
        )
        names = listed or list(reading.target.columns)
        if place < len(names) and (column := reading.target.columns.get(names[place])):
            return _of(column, None, 0, "middle") or "1"
    return "1"


def _of(column: Column, term: Term | None, place: int, rank: str) -> str | None:
    """A value of the column: common values by their share, bounds as the ordinary ones."""
    if term is not None and term.op in (Op.CONTAINS, Op.PREFIX):
        text = _pick(column, rank) or "a"
        return f"%{text[1:6]}%" if len(text) > 6 else f"%{text}%"
    if term is not None and term.op is Op.RANGE and column.bounds:
        at = {"common": 0.5, "middle": 0.9, "rare": 0.99}[rank] + (0.005 if place else 0.0)
        return column.bounds[min(int(at * len(column.bounds)), len(column.bounds) - 1)]
    if term is not None and term.op is Op.ARRAY:
        value = (_pick(column, rank) or "1").replace("\\", "\\\\").replace('"', '\\"')
        return f'{{"{value}"}}'
    if term is not None and term.op is Op.ELEMENT:
        return "{}" if column.type == "jsonb" else (_pick(column, rank) or "{}")
    found = _pick(column, rank)
    if found is None:
        found = "2024-01-01" if column.type.startswith("timestamp") else ORDINARY.get(column.type, "1")
    return found


def _pick(column: Column, rank: str) -> str | None:
    common = [value for value, _ in column.common]
    ordinary = column.bounds[len(column.bounds) // 2] if column.bounds else None
    choice = {"common": common[:1], "middle": common[len(common) // 2 :][:1], "rare": common[-1:]}[rank]
    if rank == "common":
        return choice[0] if choice else ordinary
    return ordinary or (choice[0] if choice else None)
