"""A load test's answer in one sentence, and how it compares with the release before. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from golive.pipelines.load.cause import Cause
from golive.pipelines.load.climb import Level, Target, broken, held_and_broke, unclear

NOTABLE = 0.2


class Verdict(StrEnum):
    """How a load test ended."""

    HELD = "held"  # whatever was tried
    BROKE = "broke"
    WORSE = "worse"  # below what was asked for, or notably below the release before
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Before:
    """What the last release did."""

    release: str
    held: int
    broke: int | None


@dataclass(frozen=True)
class Answer:
    """The sentence, and what machines want of it."""

    verdict: Verdict
    sentence: str
    held: int
    broke: int | None
    reason: str = ""


def answer(
    levels: Sequence[Level],
    target: Target,
    cause: Cause | None,
    *,
    wanted: int = 0,
    before: Before | None = None,
    stopped: str = "",
) -> Answer:
    """What the levels say."""
    if not levels:
        return Answer(Verdict.UNKNOWN, f"Nothing was measured: {stopped or 'no level was tried'}.", 0, None)
    held, broke = held_and_broke(levels, target)
    last = next((one for one in levels if one.users == (held if broke is None else broke)), levels[-1])
    if broke is not None and (doubt := unclear(last)):
        said = f"It held {held} users; more cannot be told from here: {doubt} at {broke}."
        return Answer(Verdict.UNKNOWN, said, held, None, doubt)
    if stopped:
        return Answer(Verdict.UNKNOWN, f"Stopped ({stopped}): it held {held} users.", held, broke, stopped)
    if broke is None:
        p95 = f"p95 {last.p95_ms:.0f} ms, " if last.p95_ms is not None else ""
        said = f"holds {held} users, the most that were tried ({p95}{last.per_second:.0f} requests/s)"
        why = ""
    else:
        why = broken(last, target)
        found = cause.name if cause else "cause unknown"
        already = "" if held else " already"
        said = f"breaks at {broke} user{'s' if broke != 1 else ''}{already}: {found} ({why})"
    worse = held < wanted or (before is not None and held < before.held * (1 - NOTABLE))
    verdict = Verdict.WORSE if worse else Verdict.HELD if broke is None else Verdict.BROKE
    tail = f"; {_wanted(held, wanted)}" if held < wanted else ""
    return Answer(verdict, f"It {said}{tail}{_compared(held, broke, before)}.", held, broke, why)


def _wanted(held: int, wanted: int) -> str:
    return f"{wanted} are wanted and {held} held"


def _compared(held: int, broke: int | None, before: Before | None) -> str:
    if before is None:
        return "; there is no earlier test of another release to compare with"
    name = before.release or "the test before"
    then = f"broke at {before.broke}" if before.broke is not None else f"held {before.held}, the most that were tried"
    if broke is None and before.broke is None:
        return f"; {name} {then}"
    change = held - before.held
    if abs(change) <= max(1, round(before.held * 0.1)):
        return f"; {name} {then}: about the same"
    share = f" ({change / before.held:+.0%})" if before.held else ""
    return f"; {name} {then}: {abs(change)} users {'more' if change > 0 else 'fewer'} now{share}"
