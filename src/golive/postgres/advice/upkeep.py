"""Advice about what is there already: indexes that nobody uses, and statistics that mislead the planner."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.postgres.advice.access import POINT, Op
from golive.postgres.advice.candidate import NAME_BYTES, same
from golive.postgres.advice.catalog import Catalog, Index, Table
from golive.postgres.advice.workload import Query

SEASON = timedelta(days=35)  # a month-end report must have had its turn
LEAST_BYTES = 1 << 20
WRONG_BY = 10.0
FINE = 1000  # values and bounds kept of a column, where 100 are usual
LEAST_ROWS = 1000.0


@dataclass(frozen=True)
class Removal:
    """An index to drop, or why it stays although nobody seems to use it."""

    index: Index
    table: Table
    advised: bool
    reason: str


def removals(
    catalog: Catalog,
    since: datetime | None,
    now: datetime,
    replica_scans: Mapping[str, int] | None = None,
    replicas: int = 0,
    foreign_keys: Iterable[tuple[str, str, str]] = (),
    season: timedelta = SEASON,
) -> list[Removal]:
    """Judge every index that is duplicate, invalid or without scans.

    `since` is when the statistics begin, `replica_scans` the scans on all replicas (None: not asked),
    `foreign_keys` (schema, table, first column) of keys whose deletes need an index.
    """
    keys = set(foreign_keys)
    found = []
    for table in catalog.tables.values():
        for index in table.indexes:
            if (reason := duplicate(index, table)) is not None:
                found.append(Removal(index, table, True, reason))
            elif not index.valid:
                found.append(Removal(index, table, True, "it is invalid: a CREATE INDEX CONCURRENTLY that failed"))
            elif not index.scans and (
                judged := _unused(index, table, since, now, replica_scans, replicas, keys, season)
            ):
                found.append(judged)
    return found


def duplicate(index: Index, table: Table) -> str | None:
    """Why another index makes this one needless, or None."""
    if index.unique or index.constrained or not index.valid:
        return None
    mine = [same(key) for key in index.keys]
    for other in table.indexes:
        if (
            other is index
            or not other.valid
            or other.method != index.method
            or same(other.predicate) != same(index.predicate)
        ):
            continue
        theirs = [same(key) for key in other.keys]
        if theirs[: len(mine)] != mine or list(other.descending[: len(mine)]) != list(index.descending):
            continue
        if set(index.include) - set(other.include) - set(other.keys):
            continue
        longer = len(theirs) > len(mine) or set(other.include) > set(index.include)
        if longer and index.method == "btree":
            return f"{other.name} begins with the same columns and serves every query that this one does"
        if theirs == mine and (other.unique or other.constrained or other.name < index.name):
            return f"{other.name} is the same index"
    return None


def _unused(
    index: Index,
    table: Table,
    since: datetime | None,
    now: datetime,
    replica_scans: Mapping[str, int] | None,
    replicas: int,
    foreign_keys: set[tuple[str, str, str]],
    season: timedelta,
) -> Removal | None:
    if index.unique or index.constrained:
        return None  # it enforces something, used or not
    if index.size_bytes < LEAST_BYTES:
        return None
    if since is None:
        return Removal(index, table, False, "no scan, but nobody knows since when")
    if now - since < season:
        days = (now - since).days
        return Removal(
            index, table, False, f"no scan in {days} days; wait for {season.days}: a monthly report may need it"
        )
    if replicas and replica_scans is None:
        return Removal(index, table, False, "no scan here, but the replicas could not be asked")
    if replica_scans and (scans := replica_scans.get(index.name, 0)):
        return Removal(index, table, False, f"replicas used it {scans} times")
    first = index.keys[0].strip('"') if index.keys else ""
    if (table.schema, table.name, first) in foreign_keys and not any(
        other is not index and other.valid and other.keys[:1] == index.keys[:1] for other in table.indexes
    ):
        return Removal(index, table, False, "a foreign key needs it: deleting a parent row would read the whole table")
    return Removal(index, table, True, f"no scan since {since:%Y-%m-%d}, on any server")


@dataclass(frozen=True)
class Statistics:
    """What improves the planner's guesses: name, table, the statements that make it and take it back, and why."""

    name: str
    table: str
    statements: tuple[str, ...]
    undo: tuple[str, ...]
    reason: str


def statistics(query: Query, guesses: Iterable[tuple[str, float, float]]) -> Iterator[Statistics]:
    """From (table, rows guessed, rows found) of a plan's scans: a target for one column, or statistics for several."""
    wrong = {table for table, guessed, actual in guesses if _far(guessed, actual)}
    for access in query.reading.accesses:
        table = access.table
        if table.name not in wrong or table.rows < LEAST_ROWS:
            continue
        columns = sorted({term.key for term in access.terms if term.op in POINT and not term.expression})
        expressions = sorted({term.key for term in access.terms if term.expression})
        where = _name(table)
        if len(columns) >= 2:
            reason = (
                f"the planner takes {', '.join(columns)} of {table.name} for independent and is wrong by more than "
            )
            yield _extended(table, columns, f"(dependencies, mcv) ON {_list(columns)}", f"{reason}{WRONG_BY:.0f} times")
        elif expressions:
            yield _extended(table, [], f"ON ({expressions[0]})", f"the planner knows nothing of {expressions[0]}")
        elif columns and any(term.op in (Op.EQUAL, Op.ANY, Op.ARRAY) for term in access.terms):
            alter = f"ALTER TABLE {where} ALTER COLUMN {_list(columns)} SET STATISTICS"
            gather = f"ANALYZE {where} ({_list(columns)})"
            yield Statistics(
                f"{table.name}.{columns[0]}"[:NAME_BYTES],
                f"{table.schema}.{table.name}",
                (f"{alter} {FINE}", gather),
                (f"{alter} -1", gather),
                f"{columns[0]} of {table.name} has more frequent values than its statistics hold",
            )


def _extended(table: Table, columns: Iterable[str], what: str, reason: str) -> Statistics:
    """CREATE STATISTICS under a name of its own: before 16 it must have one, and it must fit."""
    mark = hashlib.sha256(f"{table.key}{what}".encode()).hexdigest()[:8]
    words = "_".join([table.name, *(re.sub(r"\W+", "_", one) for one in columns)])
    name = f"{words.encode()[: NAME_BYTES - 15].decode(errors='ignore')}_{mark}_stats"
    made = _list([table.schema]) + "." + _list([name])
    where = _name(table)
    return Statistics(
        name,
        f"{table.schema}.{table.name}",
        (f"CREATE STATISTICS {made} {what} FROM {where}", f"ANALYZE {where}"),
        (f"DROP STATISTICS IF EXISTS {made}",),
        reason,
    )


def _far(guessed: float, actual: float) -> bool:
    low, high = sorted((max(guessed, 1.0), max(actual, 1.0)))
    return high / low >= WRONG_BY and high >= LEAST_ROWS


def _list(names: Iterable[str]) -> str:
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def _name(table: Table) -> str:
    return f"{_list([table.schema])}.{_list([table.name])}"
