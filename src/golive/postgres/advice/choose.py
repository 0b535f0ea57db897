"""Which indexes to have: adds and drops together, for the whole weighted workload, within a budget of storage.

Two searches over the same matrix: one that grows a set by the best saving per byte (as Extend does), and an exact
one (mixed-integer programming, HiGHS). The exact one also says how far from the optimum its answer can be.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import highspy

from golive.postgres.advice.candidate import covers
from golive.postgres.advice.matrix import Option, Row


@dataclass(frozen=True)
class Choice:
    """Options to have. `gap` is the proved distance from the matrix's optimum (0.01 = 1 %), None without proof."""

    options: frozenset[str]
    cost: float
    gap: float | None = None


@dataclass(frozen=True)
class Terms:
    """What is asked of a choice: bytes that may be added, and the cost an index must earn back to be worth having.

    What a proof taught: `banned` options are not to be tried again, a table's writes bear `most` new indexes.
    """

    budget_bytes: int
    worth: float = 0.0
    seconds: float = 20.0
    banned: frozenset[str] = frozenset()
    most: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def bears(self, chosen: Iterable[Option]) -> bool:
        """Whether no table has more new indexes than its writes bear."""
        if not self.most:
            return True
        count = Counter((one.candidate.schema, one.candidate.table) for one in chosen if one.candidate)
        return all(count[table] <= most for table, most in self.most.items())


def total(rows: Sequence[Row], options: Sequence[Option], chosen: frozenset[str], worth: float = 0.0) -> float:
    """The workload's cost with these options: reading, keeping up, and `worth` for each added index."""
    reading = sum(row.weight * row.cost(chosen) for row in rows)
    kept = [option for option in options if option.name in chosen]
    return reading + sum(option.upkeep + (0 if option.exists else worth) for option in kept)


def grow(rows: Sequence[Row], options: Sequence[Option], terms: Terms) -> Choice:
    """From what exists, again and again the step with the largest saving per byte: add one, or widen a chosen one."""
    by_name = {option.name: option for option in options}
    chosen = frozenset(option.name for option in options if option.exists)
    cost, added = total(rows, options, chosen, terms.worth), 0
    while True:
        best: tuple[float, frozenset[str], float, int] | None = None
        for option in options:
            if option.name in chosen or option.name in terms.banned:
                continue
            replaced = {
                name
                for name in chosen
                if option.candidate and (old := by_name[name].candidate) and covers(option.candidate, old)
            }
            size = option.size_bytes - sum(by_name[name].size_bytes for name in replaced)
            if added + size > terms.budget_bytes:
                continue
            then = (chosen - replaced) | {option.name}
            if not terms.bears(by_name[name] for name in then):
                continue
            saving = cost - total(rows, options, then, terms.worth)
            if saving > 1e-9 * cost and (best is None or saving / max(size, 1) > best[0]):
                best = saving / max(size, 1), then, cost - saving, size
        if best is None:
            return Choice(chosen, cost)
        _, chosen, cost, size = best
        added += size


def exact(rows: Sequence[Row], options: Sequence[Option], terms: Terms) -> Choice:
    """The least cost over the matrix, within the seconds given."""
    solver = _solver()
    solver.setOptionValue("time_limit", terms.seconds)
    solver.setOptionValue("mip_rel_gap", 1e-4)
    solver.setOptionValue("threads", 1)
    present = frozenset(option.name for option in options if option.exists)
    scale = max(total(rows, options, present), 1e-9) / 1e5
    have = {
        option.name: solver.addBinary(obj=(option.upkeep + (0 if option.exists else terms.worth)) / scale)
        for option in options
    }
    for row in rows:
        takes = [solver.addVariable(0, 1, obj=row.weight * atom.cost / scale) for atom in row.atoms]
        solver.addConstr(solver.qsum(takes) == 1)
        for name in sorted(have.keys() & frozenset().union(*(atom.options for atom in row.atoms))):
            needing = [take for take, atom in zip(takes, row.atoms, strict=True) if name in atom.options]
            solver.addConstr(solver.qsum(needing) <= have[name])
    if options:
        unit = 1 / 2**20
        spent = solver.qsum(option.size_bytes * unit * have[option.name] for option in options)
        kept = sum(option.size_bytes for option in options if option.exists)
        solver.addConstr(spent <= (terms.budget_bytes + kept) * unit)
    for name in sorted(terms.banned & have.keys()):
        solver.addConstr(have[name] <= 0)
    for table, most in terms.most.items():
        new = [have[one.name] for one in options if (c := one.candidate) and (c.schema, c.table) == table]
        if new:
            solver.addConstr(solver.qsum(new) <= most)
    solver.minimize()
    info = solver.getInfo()
    values = solver.getSolution().col_value
    chosen = frozenset(name for name, variable in have.items() if values[variable.index] > 0.5)
    gap = max(float(info.mip_gap), 0.0) if options else 0.0
    return Choice(chosen, total(rows, options, chosen, terms.worth), gap)


def _solver() -> highspy.Highs:
    """A quiet solver: it greets on standard output when made, which would spoil what a command prints for machines."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.silent()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
    return solver


def best(rows: Sequence[Row], options: Sequence[Option], terms: Terms) -> Choice:
    """The better of both searches; the gap is the exact one's."""
    grown, solved = grow(rows, options, terms), exact(rows, options, terms)
    return solved if solved.cost <= grown.cost * (1 + 1e-9) else Choice(grown.options, grown.cost, solved.gap)
