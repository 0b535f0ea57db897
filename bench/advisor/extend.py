"""An Extend-style search, as its authors describe it: the baseline. Widths up to two, single steps by saving per byte.

It asks the planner for each configuration that it considers, with the same corrected sizes as golive's own search.
"""

from collections.abc import Sequence

from golive.postgres.advice.candidate import Candidate, Key, size_bytes
from golive.postgres.advice.candidates import too_small
from golive.postgres.advice.catalog import Catalog
from golive.postgres.advice.whatif import WhatIf
from golive.postgres.advice.workload import Query

Weighted = list[tuple[str, float, frozenset[tuple[str, str]]]]


def columns_of(queries: Sequence[Query]) -> dict[tuple[str, str], set[str]]:
    """The columns that the workload compares, joins, groups or orders, by table."""
    found: dict[tuple[str, str], set[str]] = {}
    for query in queries:
        for access in query.reading.accesses:
            if too_small(access.table):
                continue
            names = {term.key for term in (*access.terms, *access.either) if not term.expression}
            names |= {*access.joins, *access.group, *(each.key for each in access.order)}
            found.setdefault(access.table.key, set()).update(names & access.table.columns.keys())
    return found


class Extend:
    """The search; `run` gives the chosen indexes and the workload's cost."""

    def __init__(self, whatif: WhatIf, catalog: Catalog, queries: Sequence[Query]) -> None:
        self.whatif, self.catalog = whatif, catalog
        self.attributes = columns_of(queries)
        self.samples: Weighted = [
            (sample.text, query.statement.calls * sample.share, frozenset(a.table.key for a in query.reading.accesses))
            for query in queries
            for sample in query.samples
        ]

    def cost(self, chosen: frozenset[Candidate]) -> float:
        return sum(
            weight * self.whatif.plan(text, frozenset(c for c in chosen if (c.schema, c.table) in tables)).cost
            for text, weight, tables in self.samples
        )

    def size(self, one: Candidate) -> int:
        return size_bytes(one, self.catalog.tables[one.schema, one.table])

    def run(self, budget_bytes: int, width: int = 2) -> tuple[frozenset[Candidate], float]:
        chosen: frozenset[Candidate] = frozenset()
        cost, used = self.cost(chosen), 0
        while True:
            best: tuple[float, frozenset[Candidate], float, int] | None = None
            for then, size in self._steps(chosen, width):
                if used + size > budget_bytes or size <= 0:
                    continue
                new = self.cost(then)
                if new < cost * 0.9999 and (best is None or (cost - new) / size > best[0]):
                    best = (cost - new) / size, then, new, size
            if best is None:
                return chosen, cost
            _, chosen, cost, size = best
            used += size

    def _steps(self, chosen: frozenset[Candidate], width: int) -> list[tuple[frozenset[Candidate], int]]:
        steps = []
        for (schema, table), names in self.attributes.items():
            for name in sorted(names):
                single = Candidate(schema, table, (Key(name),))
                if single not in chosen and not any(one.keys[0].text == name for one in chosen if one.table == table):
                    steps.append((chosen | {single}, self.size(single)))
                for one in chosen:
                    if one.table == table and len(one.keys) < width and name not in {key.text for key in one.keys}:
                        wide = one.widened(Key(name))
                        steps.append(((chosen - {one}) | {wide}, self.size(wide) - self.size(one)))
        return steps
