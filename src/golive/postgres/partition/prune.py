"""Which statements will touch only some partitions, and which will visit all: said before anything is converted."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from golive.postgres.advice.access import POINT, Access, Op, ParseError, Reading, read
from golive.postgres.advice.catalog import Catalog
from golive.postgres.advice.workload import Statement
from golive.postgres.partition.divide import How

_CONFLICT = re.compile(r"\bON\s+CONFLICT\s*\(([^)]*)\)", re.IGNORECASE)


@dataclass(frozen=True)
class Pruning:
    """A statement on the table: does it prune (None: cannot be told), and why."""

    statement: Statement
    prunes: bool | None
    reason: str


def pruning(
    statements: Iterable[Statement], catalog: Catalog, schema: str, table: str, by: str, how: How = How.RANGE
) -> list[Pruning]:
    """Judge every statement that reads, changes or deletes rows of the table."""
    found = []
    for statement in statements:
        if table not in statement.text:
            continue
        try:
            reading = read(statement.text, catalog)
        except ParseError as error:
            found.append(Pruning(statement, None, str(error)))
            continue
        if refused := conflict(statement.text, reading, (schema, table), by):
            found.append(Pruning(statement, False, refused))
            continue
        mine = [access for access in reading.accesses if access.table.key == (schema, table)]
        if not mine:
            if reading.target is not None and reading.target.key == (schema, table):
                found.append(Pruning(statement, True, "each new row goes to its partition"))
            continue
        judged = [judge(access, by, how) for access in mine]
        worst = min(judged, key=lambda each: each[0])
        found.append(Pruning(statement, *worst))
    return found


def conflict(text: str, reading: Reading, table: tuple[str, str], by: str) -> str | None:
    """Why an INSERT will fail that names the columns of a key: the table's keys will be others."""
    named = _CONFLICT.search(text)
    if named is None or reading.target is None or reading.target.key != table:
        return None
    columns = [each.strip().strip('"') for each in named[1].split(",")]
    if by in columns:
        return None
    return (
        f"it FAILS afterwards: ON CONFLICT ({', '.join(columns)}) needs a key without {by}; change the statement first"
    )


def judge(access: Access, by: str, how: How = How.RANGE) -> tuple[bool, str]:
    """One use of the table."""
    for term in access.terms:
        if how is How.HASH and term.key == by and term.op is Op.RANGE:
            return False, f"it compares {by} by more or less, and a hash prunes for equality only"
        if term.key == by and not term.expression and (term.op in POINT or term.op is Op.RANGE) and term.op != Op.NULL:
            return True, f"it compares {by}"
    if any(by in term.columns for term in access.terms):
        return False, f"{by} is inside a function or cast: compare the column itself"
    if any(by in term.columns for term in access.either):
        return False, f"{by} is compared on one side of an OR only"
    if by in access.joins:
        return False, f"{by} comes from a join: it prunes only in nested loops, at run time"
    return False, f"it does not mention {by}: every partition is visited"
