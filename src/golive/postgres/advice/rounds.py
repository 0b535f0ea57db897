"""Choosing and proving in turn: what a proof refuses is taken from the choice, which is made and proved again.

Another index may do the refused one's work at less cost: one that serves several statements, or a narrower one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.catalog import Index
from golive.postgres.advice.prove import Proof, Prover, Tell, silently
from golive.postgres.advice.search import Found

MOST_ROUNDS = 4
BETTER = 0.99  # of the best proof's time: below it a further round was worth it


@dataclass(frozen=True)
class Lessons:
    """What proofs taught: indexes (by body) that are not to be tried again and why, and what a table's writes bear."""

    refused: Mapping[str, str] = field(default_factory=dict)
    most: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.refused or self.most)


def quietly(_lessons: Lessons) -> None:
    """For whoever need not keep them."""


@dataclass(frozen=True)
class Course:
    """What a run knows from one that was cut off, and whom it tells how far it is and what it learned."""

    tell: Tell = silently
    lessons: Lessons = field(default_factory=Lessons)
    learned: Callable[[Lessons], None] = quietly


ALONE = Course()


@dataclass
class Settled:
    """The best proof, the choice that it is of, all that was refused on the way, and how many rounds it took."""

    proof: Proof
    found: Found
    lessons: Lessons
    rounds: int
    refused: dict[str, str] = field(default_factory=dict)


def settle(
    prover: Prover,
    found: Found,
    extra: Sequence[Candidate] = (),
    replaced: Callable[[Sequence[Candidate]], list[Index]] = lambda _: [],
    course: Course = ALONE,
    most_rounds: int = MOST_ROUNDS,
) -> Settled:
    """Prove the choice, learn, choose again, until a choice holds as it is or brings nothing more.

    `extra` are candidates that cannot be priced, only built; `replaced` tells which existing indexes a choice replaces.
    The clone is left with the best proof's indexes.
    """
    lessons, tried = course.lessons, set[frozenset[Candidate]]()
    best: Settled | None = None
    refused = dict(lessons.refused)
    if lessons:
        found = found.again(frozenset(lessons.refused), lessons.most)
    for number in range(1, most_rounds + 1):
        adds = [one.candidate for one in found.adds if one.candidate]
        adds += [one for one in extra if one.body() not in lessons.refused]
        drops = [one.index for one in found.drops if one.index]
        drops += [index for index in replaced(adds) if index not in drops]
        if frozenset(adds) in tried:
            break
        tried |= {frozenset(adds)}
        course.tell(f"proves {len(adds)} indexes, round {number}")
        proof = prover.prove(adds, drops)
        tried |= {frozenset(one.candidate for one in proof.kept)}
        lessons = learn(lessons, proof, adds)
        course.learned(lessons)
        if best is None or proof.spent_ms < best.proof.spent_ms * BETTER:
            best = Settled(proof, found, lessons, number)
        refused |= proof.refused
        best.lessons, best.rounds = lessons, number
        if not proof.refused:
            break
        found = found.again(frozenset(lessons.refused), lessons.most)
    if best is None:
        return Settled(Proof([], []), found, lessons, 0, refused)
    kept = {one.candidate.body() for one in best.proof.kept}
    best.refused = {body: reason for body, reason in refused.items() if body not in kept}
    prover.arrange(best.proof)
    return best


def learn(lessons: Lessons, proof: Proof, adds: Sequence[Candidate]) -> Lessons:
    """After a proof. Where a table's writes object it is their number that is too large, not the one that had to go."""
    tables = {one.body(): (one.schema, one.table) for one in adds}
    refused = {
        body: reason for body, reason in proof.refused.items() if tables.get(body, ("", "")) not in proof.crowded
    }
    most = {**lessons.most}
    for table, count in proof.crowded.items():
        most[table] = min(count, most.get(table, count))
    return Lessons({**lessons.refused, **refused}, most)
