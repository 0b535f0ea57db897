"""Pricing where HypoPG is missing: on a copy of the database that is ours alone, the indexes are really built.

A set is priced in a transaction that drops all others and is rolled back. Building takes time and room, so only the
most promising candidates are tried: those of the costliest statements first.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, zip_longest
from typing import Any

import psycopg
from psycopg import Connection, sql

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.catalog import Index
from golive.postgres.advice.whatif import Plan, WhatIf

MOST_BUILT = 48


def promising(wanted: Iterable[list[Candidate]], most: int = MOST_BUILT) -> list[Candidate]:
    """In turn the first candidate of each statement, then the second of each, and so on."""
    turns = chain.from_iterable(zip_longest(*wanted))
    return list(dict.fromkeys(one for one in turns if one is not None))[:most]


class Really(WhatIf):
    """A WhatIf over indexes that exist. Use it on a scratch copy only, and `reset` it before anything else is built."""

    def __init__(self, connection: Connection[Any]) -> None:
        super().__init__(connection)
        self._built: dict[Candidate, int] = {}

    def prepare(self, wanted: Mapping[str, list[Candidate]]) -> str:
        """Build the promising candidates; what was left out, in a sentence."""
        every = dict.fromkeys(chain.from_iterable(wanted.values()))
        chosen = promising(wanted.values())
        for candidate in every.keys() - set(chosen):
            self.refused[candidate] = "it was not tried: HypoPG is missing, and building costs time"
        built = [candidate for candidate in chosen if self.accepts(candidate)]
        tables = {(one.schema, one.table) for one in built if any(key.expression for key in one.keys)}
        for schema, name in sorted(tables):  # an expression has no statistics before
            self._cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, name)))
        return (
            f"HypoPG is not there, so {len(built)} of {len(every)} possible indexes were built on the copy and priced"
        )

    def reset(self) -> None:
        """Drop what was built."""
        for candidate in self._built:
            where = sql.Identifier(candidate.schema, candidate.name)
            self._cursor.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(where))
        self._built.clear()
        self._names.clear()
        self._known.clear()

    def accepts(self, candidate: Candidate) -> bool:
        return candidate in self._built or (candidate not in self.refused and self._make(candidate))

    def true_size(self, candidate: Candidate) -> int:
        return self._built.get(candidate, 0)

    def plan(
        self, text: str, candidates: frozenset[Candidate] = frozenset(), without: frozenset[Index] = frozenset()
    ) -> Plan:
        key = text, candidates, frozenset(index.name for index in without)
        if key not in self._known:
            gone = [(one.schema, one.name) for one in self._built if one not in candidates]
            gone += [(index.schema, index.name) for index in without]
            with self.connection.transaction(force_rollback=True):
                if gone:
                    names = sql.SQL(", ").join(sql.Identifier(*one) for one in gone)
                    self._cursor.execute(sql.SQL("DROP INDEX {}").format(names))
                self._known[key] = self._explain(text)
        return self._known[key]

    def _make(self, candidate: Candidate) -> bool:
        if candidate.name in self._names:
            self.refused[candidate] = "another of the same name was tried"
            return False
        try:
            self._cursor.execute(candidate.create().encode())
        except psycopg.Error as error:
            self.refused[candidate] = str(error).splitlines()[0]
            return False
        place = sql.Identifier(candidate.schema, candidate.name).as_string()
        row = self._cursor.execute("SELECT pg_relation_size(%s::regclass)", [place]).fetchone()
        self._built[candidate] = int(row[0]) if row else 0
        self._names[candidate.name] = candidate
        return True
