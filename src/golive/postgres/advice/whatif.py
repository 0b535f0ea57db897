"""The planner asked "what if": a statement's cost with indexes that do not exist, and without some that do.

HypoPG makes hypothetical indexes for this session only. An existing index is taken away by DROP INDEX inside a
transaction that is rolled back: on a clone, never on the database that people use.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import tuple_row

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.catalog import Index


class CannotPrice(Exception):
    """The planner would not plan the statement; the message is its reason."""


@dataclass(frozen=True)
class Plan:
    """The planner's cost, and which candidates (themselves) and existing indexes (their names) the plan uses."""

    cost: float
    used: frozenset[Candidate]
    existing: frozenset[str]
    tree: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


def nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes of a plan in EXPLAIN's JSON."""
    yield tree
    for child in tree.get("Plans", ()):
        yield from nodes(child)


class WhatIf:
    """Prices statements on one connection (autocommit on). `explains` counts the questions asked."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self.explains = 0
        self.refused: dict[Candidate, str] = {}
        self._made: dict[Candidate, int] = {}
        self._names: dict[str, Candidate] = {}
        self._known: dict[tuple[str, frozenset[Candidate], frozenset[str]], Plan] = {}
        self._cursor = connection.cursor(row_factory=tuple_row)

    def prepare(self, wanted: Mapping[str, list[Candidate]]) -> str:
        """Before the first question, with each statement's candidates; what has to be said about it. Nothing here."""
        return ""

    def reset(self) -> None:
        """Forget all hypothetical indexes of the session."""
        self._cursor.execute("SELECT hypopg_reset()")
        self._made.clear()
        self._names.clear()

    def accepts(self, candidate: Candidate) -> bool:
        """Whether HypoPG can make it; why not is kept in `refused`."""
        return candidate in self._made or (candidate not in self.refused and self._make(candidate))

    def size_bytes(self, candidate: Candidate) -> int:
        """HypoPG's own idea of the size, which knows no deduplication."""
        if not self.accepts(candidate):
            return 0
        row = self._cursor.execute("SELECT hypopg_relation_size(%s)", [self._made[candidate]]).fetchone()
        return int(row[0]) if row else 0

    def true_size(self, candidate: Candidate) -> int:
        """The size where it is known and not reckoned; 0 for an index that is only imagined."""
        return 0

    def plan(
        self, text: str, candidates: frozenset[Candidate] = frozenset(), without: frozenset[Index] = frozenset()
    ) -> Plan:
        """The plan of a statement with these candidates and without those indexes. Raises CannotPrice."""
        key = text, candidates, frozenset(index.name for index in without)
        if key not in self._known:
            self._arrange(candidates)
            with self._hidden(without):
                self._known[key] = self._explain(text)
        return self._known[key]

    def _arrange(self, wanted: frozenset[Candidate]) -> None:
        for candidate in self._made.keys() - wanted:
            self._cursor.execute("SELECT hypopg_drop_index(%s)", [self._made.pop(candidate)])
        for candidate in wanted - self._made.keys() - self.refused.keys():
            self._make(candidate)

    def _make(self, candidate: Candidate) -> bool:
        try:
            with self.connection.transaction():
                row = self._cursor.execute(
                    "SELECT indexrelid, indexname FROM hypopg_create_index(%s)", [candidate.create(hypothetical=True)]
                ).fetchone()
        except psycopg.Error as error:
            self.refused[candidate] = str(error).splitlines()[0]
            return False
        if row is None:
            self.refused[candidate] = "HypoPG made nothing"
            return False
        self._made[candidate] = row[0]
        self._names[row[1]] = candidate
        return True

    @contextmanager
    def _hidden(self, without: frozenset[Index]) -> Iterator[None]:
        if not without:
            yield
            return
        with self.connection.transaction(force_rollback=True):
            for index in without:
                self._cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index.schema, index.name)))
            yield

    def _explain(self, text: str) -> Plan:
        self.explains += 1
        try:
            row = self._cursor.execute(b"EXPLAIN (FORMAT JSON) " + text.encode()).fetchone()
        except psycopg.Error as error:
            raise CannotPrice(str(error).splitlines()[0]) from error
        tree = row[0][0]["Plan"] if row else {}
        names = {node["Index Name"] for node in nodes(tree) if "Index Name" in node}
        used = frozenset(self._names[name] for name in names if name in self._names)
        return Plan(tree["Total Cost"], used, frozenset(names - self._names.keys()), tree)
