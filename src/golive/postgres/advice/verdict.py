"""Is it faster, beyond noise? Decided from interleaved timings of the same statement before and after a change.

What "slower" means: beyond the bound (a share of the statement's own time), beyond noise (the pairs agree), and by
more than `LEAST_MS`, below which a round trip on one machine varies by itself. What a frequent write loses below
that is not forgotten: the proof adds it up over all calls and holds it against what the index saves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

FASTER_RATIO = 0.9
SURE = 0.85  # of all pairs (one before, one after) must agree
LEAST_MS = 0.05  # a difference below this is nobody's trouble


class Verdict(StrEnum):
    FASTER = "faster"
    SAME = "same"
    SLOWER = "slower"
    DIFFERENT = "different results"
    UNSURE = "could not be measured"


@dataclass(frozen=True)
class Judgement:
    """The verdict, the medians that it compares, and its reason."""

    verdict: Verdict
    before_ms: float
    after_ms: float
    reason: str

    @property
    def ratio(self) -> float:
        return self.after_ms / self.before_ms if self.before_ms else 1.0


def judge(before: Sequence[float], after: Sequence[float], bound: float = 0.1) -> Judgement:
    """Compare timings in ms. `bound` is the slow-down that may be tolerated (0.1 = 10 %)."""
    if not before or not after:
        return Judgement(Verdict.UNSURE, 0.0, 0.0, "no run of it ended")
    old, new = median(before), median(after)
    pairs = [(b, a) for b in before for a in after]
    sooner = sum(a < b for b, a in pairs) / len(pairs)
    later = sum(a > b for b, a in pairs) / len(pairs)
    ratio = new / old if old else 1.0
    said = f"{old:.2f} ms before, {new:.2f} ms after"
    if ratio <= FASTER_RATIO and sooner >= SURE and old - new >= LEAST_MS:
        return Judgement(Verdict.FASTER, old, new, f"{said}: faster in {sooner:.0%} of the pairs")
    if ratio > 1 + bound and later >= SURE and new - old >= LEAST_MS:
        return Judgement(Verdict.SLOWER, old, new, f"{said}: slower by {ratio - 1:.0%}, more than {bound:.0%}")
    return Judgement(Verdict.SAME, old, new, f"{said}: within noise")


@dataclass(frozen=True)
class Turns:
    """How often to change sides, and how many runs to take each time."""

    count: int
    each: int = 1


def turns(first_ms: float) -> Turns:
    """How many runs are worth their time; what takes microseconds needs many to rise above noise.

    Short ones run in blocks whose first run is thrown away: after each change of sides the server reads its catalog
    anew, which costs more than they do, and more with each index; a connection that lasts pays that once.
    """
    if first_ms < 2:
        return Turns(6, 10)
    return Turns(9 if first_ms < 20 else 7 if first_ms < 200 else 5 if first_ms < 2000 else 3)


def clear(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether more runs could not change the verdict: three pairs that lie far apart."""
    far = max(after) * 2 < min(before) or max(before) * 2 < min(after)
    return len(before) >= 3 and far and max(*before, *after) > 2
