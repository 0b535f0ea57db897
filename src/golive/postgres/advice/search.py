"""From a workload to a choice of indexes: candidates, what-if matrix, search, and the planner's word on the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import Connection

from golive.postgres.advice import candidates as generator
from golive.postgres.advice.candidate import Candidate, size_bytes
from golive.postgres.advice.catalog import Catalog, Index, Table
from golive.postgres.advice.choose import Choice, Terms, best, total
from golive.postgres.advice.climb import Climb
from golive.postgres.advice.matrix import Atom, Explorer, Option, Row, pruned
from golive.postgres.advice.price import upkeep, writes_of
from golive.postgres.advice.whatif import CannotPrice, WhatIf
from golive.postgres.advice.workload import Query

ROUNDS = 4
NOTICED_COST, NOTICED_SHARE = 10.0, 0.15


@dataclass
class Found:
    """The answer and all that it was computed from. Costs are planner units times calls."""

    rows: list[Row]
    options: list[Option]
    choice: Choice
    before: float
    after: float
    explains: int = 0
    silent: dict[str, str] = field(default_factory=dict)
    unpriced: dict[Candidate, str] = field(default_factory=dict)
    candidates: Mapping[str, list[Candidate]] = field(default_factory=dict)
    note: str = ""
    terms: Terms = field(default_factory=lambda: Terms(0))

    def again(self, banned: frozenset[str], most: Mapping[tuple[str, str], int]) -> "Found":
        """The choice made again over the same matrix, without what a proof refused."""
        terms = replace(self.terms, banned=banned, most=most)
        choice = best(self.rows, self.options, terms)
        if terms.worth:
            choice = worthwhile(self.rows, self.options, choice)
        return replace(self, choice=choice, after=total(self.rows, self.options, choice.options), terms=terms)

    @property
    def adds(self) -> list[Option]:
        return [one for one in self.options if not one.exists and one.name in self.choice.options]

    @property
    def drops(self) -> list[Option]:
        return [one for one in self.options if one.exists and one.name not in self.choice.options]


def search(
    connection: Connection[Any],
    queries: Sequence[Query],
    catalog: Catalog,
    terms: Terms,
    droppable: Sequence[Index] = (),
    relative_worth: float = 0.0,
    *,
    beside: bool = False,
    pricer: WhatIf | None = None,
    provable: bool = True,
) -> Found:
    """Choose indexes for the queries, each saving `relative_worth` of all at least. `droppable` needs a clone."""
    whatif = pricer or WhatIf(connection)
    wanted = {
        query.key: generator.candidates(query.reading, catalog.extensions, beside=beside, provable=provable)
        for query in queries
    }
    note = whatif.prepare(wanted)
    fitting = {one for many in wanted.values() for one in many if whatif.accepts(one)}
    options = [*_new(fitting, queries, catalog, whatif), *_old(droppable, queries, catalog)]
    explorer = Explorer(whatif, [one for one in options if one.size_bytes <= terms.budget_bytes or one.exists])
    rows, silent = _rows(explorer, queries, wanted)
    options = list(explorer.by_name.values())
    present = frozenset(one.name for one in options if one.exists)
    before = total(rows, options, present)
    terms = Terms(terms.budget_bytes, max(terms.worth, relative_worth * before), terms.seconds)
    choice, after = _settled(explorer, rows, options, terms)
    if relative_worth:
        choice = worthwhile(rows, options, choice)
        after = total(rows, options, choice.options)
    return Found(rows, options, choice, before, after, whatif.explains, silent, whatif.refused, wanted, note, terms)


def worthwhile(rows: Sequence[Row], options: Sequence[Option], choice: Choice) -> Choice:
    """Without indexes that no single statement would notice: each must save a share and some pages of one of them."""
    by_name = {option.name: option for option in options}
    chosen = choice.options
    while True:
        idle = [
            name
            for name in chosen
            if not by_name[name].exists
            and not any(_noticed(row.cost(chosen - {name}), row.cost(chosen)) for row in rows if name in row.possible)
        ]
        if not idle:
            return Choice(chosen, total(rows, options, chosen), choice.gap)
        chosen -= {max(idle, key=lambda name: by_name[name].size_bytes)}


def _noticed(without: float, with_it: float) -> bool:
    return without - with_it >= max(NOTICED_COST, NOTICED_SHARE * without)


def _new(fitting: set[Candidate], queries: Sequence[Query], catalog: Catalog, whatif: WhatIf) -> list[Option]:
    found = []
    for one in sorted(fitting, key=lambda each: each.body()):
        table = catalog.tables[one.schema, one.table]
        cost = upkeep(one, table, writes_of(queries, table))
        size = whatif.true_size(one) or size_bytes(one, table)
        found.append(Option(one.body(), size, cost, candidate=one))
    return found


def _old(droppable: Sequence[Index], queries: Sequence[Query], catalog: Catalog) -> list[Option]:
    owners: dict[str, Table] = {index.name: table for table in catalog.tables.values() for index in table.indexes}
    found = []
    for index in droppable:
        table = owners[index.name]
        alike = generator.as_candidate(index, table)
        cost = upkeep(alike, table, writes_of(queries, table))
        found.append(Option(index.name, index.size_bytes, cost, index=index))
    return found


def _rows(
    explorer: Explorer, queries: Sequence[Query], wanted: Mapping[str, list[Candidate]]
) -> tuple[list[Row], dict[str, str]]:
    rows: list[Row] = []
    silent: dict[str, str] = {}
    for query in queries:
        for sample in query.samples:
            try:
                weight = query.statement.calls * sample.share
                rows.append(explorer.row(query.key, sample.text, weight, wanted[query.key]))
            except CannotPrice as error:
                silent[query.key] = f"the planner refused it: {error}"
    return rows, silent


def _settled(explorer: Explorer, rows: Sequence[Row], options: Sequence[Option], terms: Terms) -> tuple[Choice, float]:
    """Choose, ask the planner about the answer, and choose again while it knew plans that the matrix did not."""
    answers: list[tuple[float, Choice]] = []
    present = frozenset(option.name for option in options if option.exists)
    grown = Climb(explorer, rows, options, terms).run(present)
    answers.append((grown.cost - terms.worth * len(grown.options - present), grown))
    for _ in range(ROUNDS):
        choice = best(rows, options, terms)
        new = False
        spent = 0.0
        for row in rows:
            atom = explorer.ask(row.text, choice.options & row.possible)
            spent += row.weight * atom.cost
            if atom.cost < row.cost(choice.options) * 0.999:
                row.atoms = pruned([*row.atoms, Atom(atom.options, atom.cost)])
                new = True
        keeping = [one for one in options if one.name in choice.options]
        spent += sum(one.upkeep for one in keeping)
        answers.append((spent, choice))
        if not new:
            break
    spent, chosen = min(answers, key=lambda each: each[0])
    if chosen is grown:  # the climb's answer was better than the matrix knew: go on from there, with the gap it leaves
        return Choice(chosen.options, chosen.cost, choice.gap), spent
    return chosen, spent
