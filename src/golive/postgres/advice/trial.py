"""One statement run before and after a change on a clone, in turn, and what it returns compared."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import tuple_row

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.verdict import Judgement, Turns, Verdict, clear, judge, turns
from golive.postgres.advice.whatif import nodes
from golive.postgres.advice.workload import Query
from golive.postgres.trouble import too_large

SLOWEST_MS = 60_000
FEW = Turns(2, 5)  # where changing sides takes seconds
Side = Callable[[], AbstractContextManager[None]]
Names = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Built:
    """An index as it was built on the clone: its true size and what building it took."""

    candidate: Candidate
    size_bytes: int
    seconds: float

    @property
    def place(self) -> tuple[str, str]:
        return self.candidate.schema, self.candidate.name


@dataclass(frozen=True)
class Run:
    """One execution: time, pages touched, indexes used.

    `worst` is the scan from end to end that read most: (table, rows read, rows given on). `guesses` are (table, rows
    that the planner expected, rows found) of each scan.
    """

    ms: float
    pages: int
    indexes: frozenset[str]
    shape: str
    worst: tuple[str, float, float] | None = None
    guesses: tuple[tuple[str, float, float], ...] = ()


@dataclass
class Trial:
    """What became of one sample of a statement."""

    query: Query
    text: str
    weight: float
    judgement: Judgement
    before: Run | None = None
    after: Run | None = None
    note: str = ""

    @property
    def extra_ms(self) -> float:
        """What all its calls take more than before; negative when they take less."""
        return self.weight * (self.judgement.after_ms - self.judgement.before_ms)


class Clone:
    """The clone's connection (autocommit on) and what is built on it."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self.cursor = connection.cursor(row_factory=tuple_row)
        self._patience(SLOWEST_MS)

    def _patience(self, milliseconds: int) -> None:
        self.cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(milliseconds)])

    def build(self, candidate: Candidate) -> Built:
        """Make the index for real. Raises psycopg.Error, for example for a value too large for a btree."""
        began = time.monotonic()
        self._patience(0)
        try:
            self.cursor.execute(candidate.create().encode())
            if any(key.expression for key in candidate.keys):
                where = sql.Identifier(candidate.schema, candidate.table)
                self.cursor.execute(sql.SQL("ANALYZE {}").format(where))  # an expression has no statistics before
        finally:
            self._patience(SLOWEST_MS)
        place = sql.Identifier(candidate.schema, candidate.name).as_string()
        row = self.cursor.execute("SELECT pg_relation_size(%s::regclass)", [place]).fetchone()
        return Built(candidate, int(row[0]) if row else 0, time.monotonic() - began)

    def drop(self, built: Built) -> None:
        self.cursor.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(*built.place)))

    @contextmanager
    def without(self, indexes: Names) -> Iterator[None]:
        """The database without these (schema, name), for a moment; writes are taken back too."""
        with self.connection.transaction(force_rollback=True):
            for schema, name in indexes:
                self.cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, name)))
            yield

    @contextmanager
    def having(self, statements: Sequence[str]) -> Iterator[None]:
        """The database as it is after these statements, for a moment."""
        with self.connection.transaction(force_rollback=True):
            for statement in statements:
                self.cursor.execute(statement.encode())
            yield

    def run(self, text: str) -> Run:
        row = self.cursor.execute(b"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + text.encode()).fetchone()
        whole = row[0][0] if row else {}
        tree = whole["Plan"]
        every = list(nodes(tree))
        return Run(
            whole["Execution Time"],
            tree.get("Shared Hit Blocks", 0) + tree.get("Shared Read Blocks", 0),
            frozenset(node["Index Name"] for node in every if "Index Name" in node),
            " ".join(f"{node['Node Type']}:{node.get('Index Name', '')}" for node in every),
            max((_read(node) for node in every if node["Node Type"] == "Seq Scan"), key=itemgetter(1), default=None),
            tuple((node["Relation Name"], node["Plan Rows"], node["Actual Rows"]) for node in every if _scan(node)),
        )

    def several(self, side: Side, query: Query, text: str, count: int) -> list[Run]:
        """Runs on one side. Of more than one the first, which pays for the change of sides, is thrown away."""
        found = []
        with side():
            for _ in range(count + (count > 1)):
                if query.writes:
                    with self.connection.transaction(force_rollback=True):
                        found.append(self.run(text))
                else:
                    found.append(self.run(text))
        return found[1:] if count > 1 else found

    def fingerprint(self, text: str) -> tuple[int, Any]:
        """Rows and an order-free hash of a SELECT's result."""
        try:
            with self.connection.transaction():
                return self._result(b"sum(pg_catalog.hashtextextended(golive_rows::text, 0)::numeric)", text)
        except psycopg.Error as error:
            if not too_large(error):
                raise
        return self._result(b"NULL", text)  # a row is larger than PostgreSQL can write: only its number counts

    def _result(self, value: bytes, text: str) -> tuple[int, Any]:
        whole = b"SELECT count(*), " + value + b" FROM (" + text.rstrip("; \n").encode() + b"\n) AS golive_rows"
        row = self.cursor.execute(whole).fetchone()
        return (row[0], row[1]) if row else (0, None)


def _read(node: dict[str, Any]) -> tuple[str, float, float]:
    given, loops = node.get("Actual Rows", 0), node.get("Actual Loops", 1)
    return node["Relation Name"], (given + node.get("Rows Removed by Filter", 0)) * loops, given * loops


def _scan(node: dict[str, Any]) -> bool:
    return "Relation Name" in node and "Actual Rows" in node and node.get("Actual Loops", 1) > 0


def trial(
    clone: Clone, query: Query, number: int, before: Side, after: Side, bound: float, fixed: Turns | None = None
) -> Trial:
    """Run one sample on both sides in turn, and compare what it returns."""
    sample = query.samples[number]
    found = Trial(query, sample.text, query.statement.calls * sample.share, Judgement(Verdict.UNSURE, 0, 0, ""))
    try:
        times = _timed(clone, found, before, after, fixed)
        found.judgement = judge(*times, bound)
        same_plan = found.before is not None and found.after is not None and found.before.shape == found.after.shape
        if found.judgement.verdict is Verdict.SLOWER and same_plan and not query.writes:
            judged = found.judgement
            found.judgement = Judgement(Verdict.SAME, judged.before_ms, judged.after_ms, "the plan is the same: noise")
        if not query.writes and (difference := _difference(clone, sample.text, before, after)):
            found.judgement = Judgement(
                Verdict.DIFFERENT, found.judgement.before_ms, found.judgement.after_ms, difference
            )
    except psycopg.errors.QueryCanceled:
        found.note = f"it ran longer than {SLOWEST_MS // 1000} s"
    except psycopg.Error as error:
        found.note = f"it could not be run: {str(error).splitlines()[0]}"
    if found.note:
        found.judgement = Judgement(Verdict.UNSURE, 0.0, 0.0, found.note)
    return found


def _timed(
    clone: Clone, found: Trial, before: Side, after: Side, fixed: Turns | None
) -> tuple[list[float], list[float]]:
    """Milliseconds before and after; the first pair warms the cache and tells how many are worth their time."""

    def turn(count: int) -> tuple[list[Run], list[Run]]:
        pair = (
            clone.several(before, found.query, found.text, count),
            clone.several(after, found.query, found.text, count),
        )
        found.before, found.after = pair[0][-1], pair[1][-1]
        return pair

    first = turn(1)
    quickest = min(first[0][0].ms, first[1][0].ms)
    plan = fixed or turns(quickest)
    if plan.each == 1 and fixed is None:
        plan = Turns(plan.count - 1)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(plan.count):
        old, new = turn(plan.each)
        times[0].extend(run.ms for run in old)
        times[1].extend(run.ms for run in new)
        if clear(*times):
            break
    return times


def _difference(clone: Clone, text: str, before: Side, after: Side) -> str:
    """Why the results differ, or "". A LIMIT without a total order may return other rows: then only counts compare.

    All in one transaction, whose now() stands still: what asks for the last days returns the same rows.
    """
    if "for update" in text.lower() or "for share" in text.lower():
        return ""
    with clone.connection.transaction(force_rollback=True):
        with before():
            first, again = clone.fingerprint(text), clone.fingerprint(text)
        if first != again:
            return ""  # it never returns the same twice
        with after():
            then = clone.fingerprint(text)
    if first == then or (" limit " in text.lower() and first[0] == then[0]):
        return ""
    rows = f"{first[0]} rows before, {then[0]} after" if first[0] != then[0] else f"not the same {first[0]} rows"
    return f"other results: {rows}"
