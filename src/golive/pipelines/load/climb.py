"""How many users next, and when to stop: twice as many until a target breaks, then halving what lies between. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MOST_LEVELS = 16
FINE = 0.1  # the last step between what held and what broke is at most this share
FEWEST_REQUESTS = 20  # fewer say nothing about a 95th percentile
BUSY = 0.9  # of one core: then the generator itself may be what is slow


@dataclass(frozen=True)
class Level:
    """What was measured with some number of users. Times in milliseconds; `generator` is its share of one core."""

    users: int
    seconds: float
    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None
    generator: float = 0.0
    statuses: Mapping[str, int] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)

    @property
    def error_share(self) -> float:
        return self.failures / self.requests if self.requests else 0.0

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Target:
    """What must hold: the 95th percentile of response times, and the share of requests that may fail."""

    p95_ms: float = 500.0
    errors: float = 0.01


def broken(level: Level, target: Target) -> str:
    """Which target a level breaks, or nothing."""
    if level.requests == 0:
        return "no request was answered"
    if level.error_share > target.errors:
        return f"{level.error_share:.1%} of requests failed, {target.errors:.1%} may"
    if level.p95_ms is not None and level.p95_ms > target.p95_ms:
        return f"p95 is {level.p95_ms:.0f} ms, {target.p95_ms:.0f} ms is the target"
    return ""


def following(levels: Sequence[Level], target: Target, first: int, most: int) -> int | None:
    """The number of users to try next; None when the answer is known, or trying more would not tell."""
    if not levels:
        return min(first, most)
    if len(levels) >= MOST_LEVELS or (broken(levels[-1], target) and unclear(levels[-1])):
        return None
    held, broke = held_and_broke(levels, target)
    if broke is None:
        return min(held * 2, most) if held < most else None
    if broke - held <= max(1, round(held * FINE)):
        return None
    return (held + broke) // 2


def held_and_broke(levels: Sequence[Level], target: Target) -> tuple[int, int | None]:
    """The most users below the first break that held, and the fewest with whom a target broke."""
    broke = min((one.users for one in levels if broken(one, target)), default=None)
    held = [one.users for one in levels if not broken(one, target) and (broke is None or one.users < broke)]
    return max(held, default=0), broke


def unclear(level: Level) -> str:
    """Why a level's break may not be the product's, or nothing."""
    if level.generator >= BUSY:
        return f"the load generator itself was busy ({level.generator:.0%} of a core)"
    if 0 < level.requests < FEWEST_REQUESTS and not level.failures:
        return f"only {level.requests} requests were answered"
    return ""
