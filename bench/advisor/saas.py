"""The measurement on acme's schema: golive's choice, a plain greedy one and, on small cases, every set there is.

Costs are what the planner says when asked for the very set (HypoPG, corrected sizes, what writes pay included). Times
are taken on a copy with the indexes really built; "before" is the copy without them. Golive's proof decides what is
advised; what is advised is then measured afresh, each statement in turn with and without.
"""

import itertools
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg
from psycopg import Connection, sql

from bench.advisor import acme
from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.choose import Terms, grow
from golive.postgres.advice.price import upkeep, writes_of
from golive.postgres.advice.prove import Prover
from golive.postgres.advice.rounds import Course, Settled, settle
from golive.postgres.advice.search import Found, search
from golive.postgres.advice.trial import Clone, Trial, trial
from golive.postgres.advice.verdict import Verdict
from golive.postgres.advice.whatif import WhatIf
from golive.postgres.advice.workload import Query
from golive.sandbox.servers import PostgresServer

BOUND = 0.1
HEAD = (
    "| budget | estimated: plain greedy | golive | gap | measured: greedy as it is | golive as advised "
    "| indexes: greedy | golive | slower > 10 %: greedy | golive | refused by proof, rounds "
    "| insert, ms: without | with golive's | search | proof |\n"
    "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)
MOST_TRIED = 8


@dataclass
class Price:
    """The planner's word on a set of indexes."""

    connection: Connection[Any]
    catalog: catalogs.Catalog
    queries: Sequence[Query]

    def __post_init__(self) -> None:
        self.whatif = WhatIf(self.connection)
        self.whatif.reset()

    def cost(self, chosen: Iterable[Candidate]) -> float:
        have = frozenset(chosen)
        spent = 0.0
        for query in self.queries:
            tables = {access.table.key for access in query.reading.accesses}
            near = frozenset(one for one in have if (one.schema, one.table) in tables)
            spent += sum(
                query.statement.calls * sample.share * self.whatif.plan(sample.text, near).cost
                for sample in query.samples
            )
        for one in have:
            table = self.catalog.tables[one.schema, one.table]
            spent += upkeep(one, table, writes_of(self.queries, table))
        return spent


def chosen_by_greed(found: Found, budget: int) -> list[Candidate]:
    """Again and again the index that saves most per byte, until nothing fits or helps."""
    names = grow(found.rows, found.options, Terms(budget)).options
    return [one.candidate for one in found.options if one.candidate and one.name in names]


def measured(
    connection: Connection[Any], queries: Sequence[Query], have: Sequence[Candidate], before: dict[str, float]
) -> tuple[float, list[Trial]]:
    """The workload's milliseconds with what is built, and the statements that are slower than `before` by more than
    the bound: a suspect is run with and without in turn before it is called so."""
    clone = Clone(connection)
    names = [(one.schema, one.name) for one in have]
    total, slower = 0.0, []
    for query in queries:
        for number, sample in enumerate(query.samples):
            count = 30 if before[sample.text] < 2 else 5 if before[sample.text] < 1000 else 2
            now = median(run.ms for run in clone.several(lambda: clone.without(()), query, sample.text, count))
            total += query.statement.calls * sample.share * now
            if now > before[sample.text] * (1 + BOUND):
                again = trial(clone, query, number, lambda: clone.without(names), lambda: clone.without(()), BOUND)
                slower += [again] if again.judgement.verdict is Verdict.SLOWER else []
    return total, slower


def insert(trials: Sequence[Trial]) -> tuple[float, float]:
    """Milliseconds of the workload's insert, without the new indexes and with them, as the proof timed it."""
    (found,) = [one.judgement for one in trials if one.query.reading.verb == "insert"]
    return found.before_ms, found.after_ms


def copied(server: PostgresServer, name: str) -> Connection[Any]:
    """A copy of the database; one that a killed run left goes first."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    return psycopg.connect(server.create_database(name, template="acme"), autocommit=True)


def dropped(server: PostgresServer, connection: Connection[Any], name: str) -> None:
    connection.close()
    with psycopg.connect(server.url(), autocommit=True) as other:
        other.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def line(server: PostgresServer, workload: Sequence[Query], catalog: catalogs.Catalog, budget: int) -> str:
    """One budget, start to end."""
    with psycopg.connect(server.url("acme"), autocommit=True) as connection:
        WhatIf(connection).reset()
        began = time.monotonic()
        found = search(connection, workload, catalog, Terms(budget))
        took = time.monotonic() - began
        greedy = chosen_by_greed(found, budget)
        price = Price(connection, catalog, workload)
        ours = [one.candidate for one in found.adds if one.candidate]
        base = price.cost(())
        estimated = price.cost(greedy) / base, price.cost(ours) / base
    proving = copied(server, "proving")
    began = time.monotonic()
    settled = settle(Prover(proving, workload, BOUND), found, course=Course(tell=say))
    proof = settled.proof
    proved = time.monotonic() - began
    before = {one.text: one.judgement.before_ms for one in proof.trials}
    bare = sum(one.weight * one.judgement.before_ms for one in proof.trials)
    after, slower = measured(proving, workload, [one.candidate for one in proof.kept], before)
    dropped(server, proving, "proving")
    greedily = copied(server, "greedily")
    clone = Clone(greedily)
    for one in greedy:
        clone.build(one)
    after_greedy, slower_greedy = measured(greedily, workload, greedy, before)
    dropped(server, greedily, "greedily")
    without, having = insert(proof.trials)
    told(budget, settled, slower, slower_greedy)
    return (
        f"| {budget >> 20} MB | {estimated[0]:.1%} | {estimated[1]:.1%} | {found.choice.gap or 0:.2%} "
        f"| {after_greedy / bare:.1%} | {after / bare:.1%} | {len(greedy)} | {len(proof.kept)} "
        f"| {len(slower_greedy)} | {len(slower)} | {len(settled.refused)}, {settled.rounds} "
        f"| {without:.3f} | {having:.3f} | {took:.1f} s | {proved:.0f} s |"
    )


def say(said: str) -> None:
    """Rounds and refusals, for whoever reads along."""
    if not said.startswith(("runs", "builds")):
        print(f"    {said}", file=sys.stderr, flush=True)


def told(budget: int, settled: Settled, slower: Sequence[Trial], slower_greedy: Sequence[Trial]) -> None:
    """What stands behind the line, for whoever reads along."""
    print(f"\n{budget >> 20} MB")
    for built in settled.proof.kept:
        print(f"  kept {built.candidate.body()}: {built.size_bytes >> 20} MB, {built.seconds:.1f} s")
    for body, reason in settled.refused.items():
        print(f"  refused {body}: {reason}")
    for who, many in (("golive", slower), ("greedy", slower_greedy)):
        for one in many:
            print(f"  slower with {who}: {one.text[:90]}: {one.judgement.reason}")
    print(flush=True)


def small(connection: Connection[Any], catalog: catalogs.Catalog, workloads: Sequence[Sequence[Query]]) -> str:
    """Small cases: every set of up to eight useful candidates, each asked of the planner."""
    budget, cases, ours_best, greedy_worse, sets_tried = 60 << 20, 0, 0, 0, 0
    worst = 0.0
    for queries in workloads:
        WhatIf(connection).reset()
        found = search(connection, queries, catalog, Terms(budget))
        options = {one.name: one for one in found.options if one.candidate and one.size_bytes <= budget}
        helped = {name: min(a.cost for r in found.rows for a in r.atoms if name in a.options)
                  for name in options if any(name in a.options for r in found.rows for a in r.atoms)}  # fmt: skip
        mine = [one.name for one in found.adds]
        names = list(dict.fromkeys([*mine, *sorted(helped, key=lambda name: helped[name])]))[:MOST_TRIED]
        price = Price(connection, catalog, queries)
        least = float("inf")
        for count in range(len(names) + 1):
            for chosen in itertools.combinations(names, count):
                if sum(options[name].size_bytes for name in chosen) <= budget:
                    sets_tried += 1
                    least = min(least, price.cost(one for name in chosen if (one := options[name].candidate)))
        golive = price.cost(one.candidate for one in found.adds if one.candidate)
        greedy = price.cost(chosen_by_greed(found, budget))
        cases += 1
        ours_best += golive <= least * 1.0001
        worst = max(worst, golive / least - 1)
        greedy_worse += greedy > least * 1.001
    return (
        f"Small cases (two statements, 60 MB): golive as good as the best of all {sets_tried} sets in {ours_best} of "
        f"{cases}, at worst {worst:.1%} above; plain greedy worse in {greedy_worse}."
    )


def pairs() -> list[tuple[tuple[float, str], ...]]:
    """All pairs of acme's reading statements."""
    reads = [one for one in acme.WORKLOAD if one[1].startswith("SELECT")]
    return list(itertools.combinations(reads, 2))
