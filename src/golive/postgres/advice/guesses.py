"""Statistics that mend the planner's guesses, proved as indexes are: with them and without, on the clone, in turn.

They are gathered inside a transaction that is rolled back. What speeds up no statement is not advised, and neither is
what slows one: a better guess is not always a better plan.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from golive.postgres.advice.prove import Tell, silently
from golive.postgres.advice.trial import FEW, Clone, Trial, trial
from golive.postgres.advice.upkeep import Statistics, statistics
from golive.postgres.advice.verdict import Verdict
from golive.postgres.advice.workload import Query

MOST_TRIED = 8


@dataclass(frozen=True)
class Guessed:
    """Statistics that were tried, the statements that got faster by them, and why they are refused, if they are."""

    statistics: Statistics
    trials: Sequence[Trial]
    refused: str = ""

    @property
    def faster(self) -> list[Trial]:
        return [one for one in self.trials if one.judgement.verdict is Verdict.FASTER]


def mended(
    clone: Clone, queries: Sequence[Query], trials: Sequence[Trial], bound: float, tell: Tell = silently
) -> list[Guessed]:
    """Try statistics for each statement whose plan guessed wrong, the costliest first, on all that read the table."""
    wanted: dict[tuple[str, ...], Statistics] = {}
    for one in sorted(trials, key=lambda each: -each.weight * each.judgement.after_ms):
        for each in statistics(one.query, one.after.guesses if one.after else ()):
            wanted.setdefault(each.statements, each)
    found = []
    for better in list(wanted.values())[:MOST_TRIED]:
        tell(f"tries statistics {better.name}")
        found.append(_tried(clone, queries, better, bound))
    return found


def _tried(clone: Clone, queries: Sequence[Query], wanted: Statistics, bound: float) -> Guessed:
    def before() -> AbstractContextManager[None]:
        return clone.without(())

    def after() -> AbstractContextManager[None]:
        return clone.having(wanted.statements)

    readers = [query for query in queries if not query.writes and _reads(query, wanted.table)]
    trials = [
        trial(clone, query, number, before, after, bound, FEW)
        for query in readers
        for number in range(len(query.samples))
    ]
    return Guessed(wanted, trials, objection(trials))


def _reads(query: Query, table: str) -> bool:
    return any(f"{access.table.schema}.{access.table.name}" == table for access in query.reading.accesses)


def objection(trials: Sequence[Trial]) -> str:
    """Why statistics are not advised, or ""."""
    for one in trials:
        if one.judgement.verdict in (Verdict.SLOWER, Verdict.DIFFERENT):
            return f"a statement gets another plan with them: {one.judgement.reason}"
    if not any(one.judgement.verdict is Verdict.FASTER for one in trials):
        return next((one.note for one in trials if one.note), "no statement gets faster by them")
    return ""
