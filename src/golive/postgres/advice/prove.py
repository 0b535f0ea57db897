"""The proof: the indexes are really built on a clone, and every statement is run before and after, interleaved.

"Before" is a transaction in which the new indexes are dropped and that is rolled back: both sides read the same
pages of the same table, with the same cache.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.catalog import Index
from golive.postgres.advice.trial import Built, Clone, Names, Trial, trial
from golive.postgres.advice.verdict import Verdict
from golive.postgres.advice.workload import Query

Tell = Callable[[str], None]


def silently(_said: str) -> None:
    """For whoever does not want to hear how far it is."""


@dataclass
class Proof:
    """Trials in the order of the queries, and the indexes that stood the test.

    `crowded` are tables whose writes refused an index, with how many new ones they bear.
    """

    trials: list[Trial]
    kept: list[Built]
    refused: dict[str, str] = field(default_factory=dict)
    drops: list[Index] = field(default_factory=list)
    crowded: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def spent_ms(self) -> float:
        """The workload's time with what was kept; what is the same within noise counts as it was."""
        return sum(
            one.weight * (one.judgement.before_ms if one.judgement.verdict is Verdict.SAME else one.judgement.after_ms)
            for one in self.trials
        )


@dataclass(frozen=True)
class _Known:
    """A trial, and the changes of the statement's tables under which it was made."""

    trial: Trial
    new: frozenset[tuple[str, str]]
    gone: frozenset[tuple[str, str]]

    def holds(self, query: Query, new: frozenset[tuple[str, str]], gone: frozenset[tuple[str, str]]) -> bool:
        """Whether it would come out the same: a read whose plan misses none of the indexes that are no longer there."""
        if gone != self.gone:
            return False
        if query.writes:
            return new == self.new
        used = self.trial.after.indexes if self.trial.after else frozenset()
        return new <= self.new and not any(name in used for _, name in self.new - new)


class Prover:
    """Proves one set of changes after another on one clone. What was measured and still holds is not measured again."""

    def __init__(
        self, connection: Connection[Any], queries: Sequence[Query], bound: float = 0.1, tell: Tell = silently
    ) -> None:
        self.clone, self.queries, self.bound, self.tell = Clone(connection), queries, bound, tell
        self._built: dict[Candidate, Built] = {}
        self._known: dict[tuple[str, str], list[_Known]] = {}

    def prove(self, adds: Sequence[Candidate], drops: Sequence[Index] = ()) -> Proof:
        """Build, measure, and take away what slows or does not speed up anything, until nothing objects."""
        proof = Proof([], [], drops=list(drops))
        self._build(adds, proof)
        while True:
            proof.trials = self._trials(proof)
            guilty = objection(proof)
            if guilty is None:
                return proof
            what, reason = guilty
            self.tell(f"refuses {what.name if isinstance(what, Index) else what.candidate.name}: {reason}")
            if isinstance(what, Index):
                proof.drops.remove(what)
                proof.refused[what.name] = reason
            else:
                proof.kept.remove(what)
                proof.refused[what.candidate.body()] = reason
                self._drop(what.candidate)
                table = what.candidate.schema, what.candidate.table
                if _a_write_objects(proof, what):
                    proof.crowded[table] = 0
            for table in proof.crowded:
                proof.crowded[table] = sum((one.candidate.schema, one.candidate.table) == table for one in proof.kept)
            if not proof.kept and not proof.drops:
                proof.trials = self._trials(proof)
                return proof

    def arrange(self, proof: Proof) -> None:
        """Leave the clone with what this proof kept, and nothing else."""
        self._build([one.candidate for one in proof.kept], Proof([], []))

    def _build(self, wanted: Sequence[Candidate], proof: Proof) -> None:
        for candidate in self._built.keys() - set(wanted):
            self._drop(candidate)
        for number, candidate in enumerate(wanted, 1):
            if candidate not in self._built:
                self.tell(f"builds {candidate.name} on the copy ({number} of {len(wanted)})")
                try:
                    self._built[candidate] = self.clone.build(candidate)
                except psycopg.Error as error:
                    proof.refused[candidate.body()] = f"it cannot be built: {str(error).splitlines()[0]}"
                    continue
            proof.kept.append(self._built[candidate])

    def _drop(self, candidate: Candidate) -> None:
        self.clone.drop(self._built.pop(candidate))

    def _trials(self, proof: Proof) -> list[Trial]:
        trials = []
        for number, query in enumerate(self.queries, 1):
            self.tell(f"runs statement {number} of {len(self.queries)} with and without {len(proof.kept)} indexes")
            trials += [self._trial(query, place, proof) for place in range(len(query.samples))]
        return trials

    def _trial(self, query: Query, number: int, proof: Proof) -> Trial:
        tables = {access.table.key for access in query.reading.accesses}
        if query.reading.target is not None:
            tables.add(query.reading.target.key)
        new = frozenset(one.place for one in proof.kept if (one.candidate.schema, one.candidate.table) in tables)
        gone = frozenset((index.schema, index.name) for index in proof.drops)
        known = self._known.setdefault((query.key, query.samples[number].text), [])
        found = next((one.trial for one in known if one.holds(query, new, gone)), None)
        if found is None:
            found = trial(
                self.clone, query, number, self._without(sorted(new)), self._without(sorted(gone)), self.bound
            )
            known.append(_Known(found, new, gone))
        return found

    def _without(self, names: Names) -> Callable[[], Any]:
        return lambda: self.clone.without(names)


def prove(
    connection: Connection[Any],
    queries: Sequence[Query],
    adds: Sequence[Candidate],
    drops: Sequence[Index] = (),
    bound: float = 0.1,
) -> Proof:
    """One proof of one set of changes; what it refused is off the clone again."""
    return Prover(connection, queries, bound).prove(adds, drops)


def objection(proof: Proof) -> tuple[Built | Index, str] | None:
    """What must go next, and why: first what slows a statement, then what costs more than it saves."""
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
    for built in sorted(proof.kept, key=lambda built: earned[built.candidate.name]):
        gain, loss = earned[built.candidate.name], burden(proof, built)
        if loss > gain:
            return (
                built,
                f"the writes of the workload lose {loss:,.0f} ms by it, and its statements save {gain:,.0f} ms",
            )
    return None


def _suspect(one: Trial, built: Built) -> bool:
    if one.query.writes:
        return _written(one, built)
    return bool(one.after and built.candidate.name in one.after.indexes)


def _written(one: Trial, built: Built) -> bool:
    target = one.query.reading.target
    return one.query.writes and target is not None and target.key == (built.candidate.schema, built.candidate.table)


def _a_write_objects(proof: Proof, built: Built) -> bool:
    return any(_written(one, built) and one.judgement.verdict is Verdict.SLOWER for one in proof.trials)


def saved(proof: Proof, built: Built) -> float:
    """Milliseconds of the workload saved by statements whose plan uses the index."""
    return sum(
        -one.extra_ms
        for one in proof.trials
        if one.judgement.verdict is Verdict.FASTER and one.after and built.candidate.name in one.after.indexes
    )


def burden(proof: Proof, built: Built) -> float:
    """Milliseconds that all writes of its table lose, below the bound or not, by one of the table's new indexes."""
    beside = sum(_table(other) == _table(built) for other in proof.kept)
    return sum(max(one.extra_ms, 0.0) for one in proof.trials if _written(one, built)) / max(beside, 1)


def _table(built: Built) -> tuple[str, str]:
    return built.candidate.schema, built.candidate.table
