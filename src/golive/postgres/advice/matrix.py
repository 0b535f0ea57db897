"""The what-if matrix: for each sample of each statement, which sets of indexes give which cost.

Found by asking the planner with all candidates present, and again without each index that its plan used, and so on:
the cheapest plan of any subset of the candidates is then among the answers, as far as the limit let it look.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.catalog import Index
from golive.postgres.advice.whatif import WhatIf

KEPT_FOR_ONE = 24
GAIN = 0.01


@dataclass(frozen=True)
class Option:
    """A choice: a candidate to add, or an index that exists and may go. `upkeep` is what writes pay for it."""

    name: str
    size_bytes: int
    upkeep: float = 0.0
    candidate: Candidate | None = None
    index: Index | None = None

    @property
    def exists(self) -> bool:
        return self.index is not None


@dataclass(frozen=True)
class Atom:
    """With these options at hand the planner gets this cost."""

    options: frozenset[str]
    cost: float


@dataclass
class Row:
    """One sample of one statement: how often it runs, and its atoms. The first has no options at all."""

    key: str
    text: str
    weight: float
    atoms: list[Atom]
    relevant: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()

    def cost(self, chosen: frozenset[str]) -> float:
        """The least cost that the matrix knows for these options."""
        return min(atom.cost for atom in self.atoms if atom.options <= chosen)


class Explorer:
    """Fills rows. `options` by name; only candidates that HypoPG accepts may be among them."""

    def __init__(self, whatif: WhatIf, options: Sequence[Option]) -> None:
        self.whatif = whatif
        self.by_name = {option.name: option for option in options}
        self.by_candidate = {option.candidate: option.name for option in options if option.candidate}
        self.droppable = frozenset(option.index for option in options if option.index)
        self.existing = {index.name: index for index in self.droppable}

    def ask(self, text: str, chosen: Iterable[str]) -> Atom:
        """Ask the planner with exactly these options."""
        names = frozenset(chosen)
        candidates = frozenset(each for name in names if (each := self.by_name[name].candidate))
        without = frozenset(index for index in self.droppable if index.name not in names)
        plan = self.whatif.plan(text, candidates, without)
        used = {self.by_candidate[one] for one in plan.used} | (plan.existing & self.existing.keys())
        return Atom(frozenset(used), plan.cost)

    def row(self, key: str, text: str, weight: float, relevant: Sequence[Candidate], limit: int = 120) -> Row:
        """Explore one sample with its statement's candidates. Raises CannotPrice."""
        names = [self.by_candidate[each] for each in relevant if each in self.by_candidate]
        existing = list(self.existing)
        bare = self.ask(text, ())
        base = self.ask(text, existing)
        row = Row(key, text, weight, [Atom(frozenset(), bare.cost)])
        kept, answers = self._promising(text, names, existing, base.cost)
        row.atoms += answers
        row.relevant = frozenset(kept) | frozenset(existing)
        row.possible = frozenset(names) | frozenset(existing)
        seen: set[frozenset[str]] = set()
        queue: list[frozenset[str]] = [frozenset()]
        while queue and len(seen) < limit:
            left_out = queue.pop(0)
            if left_out in seen:
                continue
            seen.add(left_out)
            atom = self.ask(text, row.relevant - left_out)
            row.atoms.append(atom)
            queue += [left_out | {name} for name in sorted(atom.options)]
        row.atoms = pruned(row.atoms)
        return row

    def _promising(self, text: str, names: list[str], existing: list[str], base: float) -> tuple[list[str], list[Atom]]:
        """Candidates that help alone, those that the planner takes when it has all, and what it said."""
        alone = {name: self.ask(text, [*existing, name]) for name in names}
        helps = [name for name in names if alone[name].cost < base * (1 - GAIN) and name in alone[name].options]
        many = [self.ask(text, [*existing, *names[begin : begin + 40]]) for begin in range(0, len(names), 40)]
        together = {name for atom in many for name in atom.options}
        best = sorted(helps, key=lambda name: alone[name].cost)
        small = sorted(helps, key=lambda name: (alone[name].cost - base) / max(self.by_name[name].size_bytes, 1))
        ranked = [name for pair in zip(best, small, strict=True) for name in pair]
        kept = list(dict.fromkeys([*sorted(together & set(names)), *ranked]))[:KEPT_FOR_ONE]
        return kept, [*alone.values(), *many]


def pruned(atoms: Iterable[Atom]) -> list[Atom]:
    """Without atoms that cost no less than one which needs fewer options."""
    kept: list[Atom] = []
    for atom in sorted(set(atoms), key=lambda each: (len(each.options), each.cost)):
        if not any(other.options <= atom.options and other.cost <= atom.cost for other in kept):
            kept.append(atom)
    return kept
