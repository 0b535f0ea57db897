"""Is it faster, beyond noise? Decided from interleaved timings of the same statement before and after a change."""

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


def repeats(first_ms: float) -> int:
    """How many interleaved runs are worth their time; what takes microseconds needs many to rise above noise."""
    return 31 if first_ms < 2 else 9 if first_ms < 20 else 7 if first_ms < 200 else 5 if first_ms < 2000 else 3


def clear(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether more runs could not change the verdict: after the first, three pairs that lie far apart."""
    old, new = before[1:], after[1:]
    return len(old) >= 3 and (max(new) * 2 < min(old) or max(old) * 2 < min(new)) and max(*old, *new) > 2
