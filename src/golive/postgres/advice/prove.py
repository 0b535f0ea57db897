"""The proof: the indexes are really built on a clone, and every statement is run before and after, interleaved.

"Before" is a transaction in which the new indexes are dropped and that is rolled back: both sides read the same
pages of the same table, with the same cache.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import tuple_row

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.catalog import Index
from golive.postgres.advice.verdict import Judgement, Verdict, clear, judge, repeats
from golive.postgres.advice.whatif import nodes
from golive.postgres.advice.workload import Query

SLOWEST_MS = 60_000


@dataclass(frozen=True)
class Built:
    """An index as it was built on the clone: its true size and what building it took."""

    candidate: Candidate
    size_bytes: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """One execution: time, pages touched, indexes used, and the largest share of a table that a scan read in vain."""

    ms: float
    pages: int
    indexes: frozenset[str]
    rows_read: float
    rows_returned: float
    shape: str


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


@dataclass
class Proof:
    """Trials in the order of the queries, and the indexes that stood the test."""

    trials: list[Trial]
    kept: list[Built]
    refused: dict[str, str] = field(default_factory=dict)
    drops: list[Index] = field(default_factory=list)


class Clone:
    """The clone's connection (autocommit on) and what is built on it."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self.cursor = connection.cursor(row_factory=tuple_row)
        self.cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(SLOWEST_MS)])

    def build(self, candidate: Candidate) -> Built:
        """Make the index for real. Raises psycopg.Error, for example for a value too large for a btree."""
        began = time.monotonic()
        self.cursor.execute("SET statement_timeout = 0")
        self.cursor.execute(candidate.create().encode())
        if any(key.expression for key in candidate.keys):
            where = sql.Identifier(candidate.schema, candidate.table)
            self.cursor.execute(sql.SQL("ANALYZE {}").format(where))  # an expression has no statistics before
        self.cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(SLOWEST_MS)])
        place = sql.Identifier(candidate.schema, candidate.name).as_string()
        row = self.cursor.execute("SELECT pg_relation_size(%s::regclass)", [place]).fetchone()
        return Built(candidate, int(row[0]) if row else 0, time.monotonic() - began)

    @contextmanager
    def without(self, indexes: Sequence[tuple[str, str]]) -> Iterator[None]:
        """The database without these (schema, name), for a moment; writes are taken back too."""
        with self.connection.transaction(force_rollback=True):
            for schema, name in indexes:
                self.cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, name)))
            yield

    def run(self, text: str) -> Run:
        row = self.cursor.execute(b"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + text.encode()).fetchone()
        whole = row[0][0] if row else {}
        tree = whole["Plan"]
        return Run(
            whole["Execution Time"],
            tree.get("Shared Hit Blocks", 0) + tree.get("Shared Read Blocks", 0),
            frozenset(node["Index Name"] for node in nodes(tree) if "Index Name" in node),
            max((_read(node) for node in nodes(tree) if node["Node Type"] == "Seq Scan"), default=0.0),
            tree.get("Actual Rows", 0),
            " ".join(f"{node['Node Type']}:{node.get('Index Name', '')}" for node in nodes(tree)),
        )

    def fingerprint(self, text: str) -> tuple[int, Any]:
        """Rows and an order-free hash of a SELECT's result."""
        row = self.cursor.execute(
            b"SELECT count(*), sum(pg_catalog.hashtextextended(golive_rows::text, 0)::numeric) FROM ("
            + text.rstrip("; \n").encode()
            + b"\n) AS golive_rows"
        ).fetchone()
        return (row[0], row[1]) if row else (0, None)


def _read(node: dict[str, Any]) -> float:
    rows: float = (node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)) * node.get("Actual Loops", 1)
    return rows


def trial(
    clone: Clone,
    query: Query,
    number: int,
    new: Sequence[tuple[str, str]],
    gone: Sequence[tuple[str, str]],
    bound: float,
) -> Trial:
    """Run one sample before and after in turn, and compare what it returns."""
    sample = query.samples[number]
    found = Trial(query, sample.text, query.statement.calls * sample.share, Judgement(Verdict.UNSURE, 0, 0, ""))
    try:
        times: tuple[list[float], list[float]] = ([], [])
        count = 1
        while len(times[0]) < count and not clear(*times):
            with clone.without(new):
                found.before = clone.run(sample.text)
            with clone.without(gone):
                found.after = clone.run(sample.text)
            times[0].append(found.before.ms)
            times[1].append(found.after.ms)
            count = repeats(min(found.before.ms, found.after.ms)) if len(times[0]) == 1 else count
        warm = (times[0][1:] or times[0], times[1][1:] or times[1])  # the first pair warmed the cache
        found.judgement = judge(*warm, bound)
        same_plan = found.before is not None and found.after is not None and found.before.shape == found.after.shape
        if found.judgement.verdict is Verdict.SLOWER and same_plan and not query.writes:
            judged = found.judgement
            found.judgement = Judgement(Verdict.SAME, judged.before_ms, judged.after_ms, "the plan is the same: noise")
        if not query.writes and (difference := _difference(clone, sample.text, new, gone)):
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


def _difference(clone: Clone, text: str, new: Sequence[tuple[str, str]], gone: Sequence[tuple[str, str]]) -> str:
    """Why the results differ, or "". A LIMIT without a total order may return other rows: then only counts compare.

    All in one transaction, whose now() stands still: what asks for the last days returns the same rows.
    """
    if "for update" in text.lower() or "for share" in text.lower():
        return ""
    with clone.connection.transaction(force_rollback=True):
        with clone.without(new):
            first, again = clone.fingerprint(text), clone.fingerprint(text)
        if first != again:
            return ""  # it never returns the same twice
        with clone.without(gone):
            after = clone.fingerprint(text)
    if first == after or (" limit " in text.lower() and first[0] == after[0]):
        return ""
    rows = f"{first[0]} rows before, {after[0]} after" if first[0] != after[0] else f"not the same {first[0]} rows"
    return f"other results: {rows}"


def prove(
    connection: Connection[Any],
    queries: Sequence[Query],
    adds: Sequence[Candidate],
    drops: Sequence[Index] = (),
    bound: float = 0.1,
) -> Proof:
    """Build, measure, and take away what slows or does not speed up anything, until nothing is left to object to."""
    clone = Clone(connection)
    proof = Proof([], [], drops=list(drops))
    for candidate in adds:
        try:
            proof.kept.append(clone.build(candidate))
        except psycopg.Error as error:
            proof.refused[candidate.body()] = f"it cannot be built: {str(error).splitlines()[0]}"
    proof.trials = _all(clone, queries, proof, bound)
    while True:
        guilty = objection(proof)
        if guilty is None:
            return proof
        what, reason = guilty
        if isinstance(what, Index):
            proof.drops.remove(what)
            proof.refused[what.name] = reason
        else:
            proof.kept.remove(what)
            proof.refused[what.candidate.body()] = reason
            clone.cursor.execute(
                sql.SQL("DROP INDEX {}").format(sql.Identifier(what.candidate.schema, what.candidate.name))
            )
        if not proof.kept and not proof.drops:
            return proof
        proof.trials = _all(clone, queries, proof, bound, touched=proof.trials, removed=what)


def _all(
    clone: Clone,
    queries: Sequence[Query],
    proof: Proof,
    bound: float,
    touched: Sequence[Trial] = (),
    removed: Built | Index | None = None,
) -> list[Trial]:
    """Trials of all samples; after a removal only of those that it can have changed."""
    new = [(one.candidate.schema, one.candidate.name) for one in proof.kept]
    gone = [(index.schema, index.name) for index in proof.drops]
    have = {(one.query.key, one.text): one for one in touched}
    trials = []
    for query in queries:
        for number, sample in enumerate(query.samples):
            old = have.get((query.key, sample.text))
            if old is not None and removed is not None and not _concerns(old, removed):
                trials.append(old)
            else:
                trials.append(trial(clone, query, number, new, gone, bound))
    return trials


def _concerns(old: Trial, removed: Built | Index) -> bool:
    if isinstance(removed, Index):
        return old.judgement.verdict is Verdict.SLOWER or bool(old.before and removed.name in old.before.indexes)
    target = old.query.reading.target
    if old.query.writes and target is not None and target.name == removed.candidate.table:
        return True
    return bool(old.after and removed.candidate.name in old.after.indexes)


def objection(proof: Proof) -> tuple[Built | Index, str] | None:
    """What must go next, and why: first what slows a statement, then what speeds up none."""
    earned = {one.candidate.name: saved(proof, one) for one in proof.kept}
    for one in proof.trials:
        if one.judgement.verdict not in (Verdict.SLOWER, Verdict.DIFFERENT):
            continue
        for index in proof.drops:
            if one.before and index.name in one.before.indexes:
                why = "gets slower" if one.judgement.verdict is Verdict.SLOWER else "changes"
                return index, f"without it a statement {why}: {one.judgement.reason}"
        suspects = [built for built in proof.kept if _suspect(one, built)]
        if suspects:
            worst = min(suspects, key=lambda built: earned[built.candidate.name])
            why = "it slows a statement" if one.judgement.verdict is Verdict.SLOWER else "a statement changes"
            return worst, f"{why}: {one.judgement.reason}"
    for built in proof.kept:
        if earned[built.candidate.name] <= 0:
            return built, "no statement got faster by it when it was really there"
    return None


def _suspect(one: Trial, built: Built) -> bool:
    if one.query.writes:
        target = one.query.reading.target
        return target is not None and target.name == built.candidate.table
    return bool(one.after and built.candidate.name in one.after.indexes)


def saved(proof: Proof, built: Built) -> float:
    """Milliseconds of the workload saved by statements whose plan uses the index."""
    return sum(
        one.weight * (one.judgement.before_ms - one.judgement.after_ms)
        for one in proof.trials
        if one.judgement.verdict is Verdict.FASTER and one.after and built.candidate.name in one.after.indexes
    )
