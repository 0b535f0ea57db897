"""Decide whether a rollout does harm. Pure: what requests with and without the variant did goes in.

A variant is compared with those who got the off variant in the same minutes, so that an outage of everything blames no
flag. It is worse when its error rate is higher by more than the margin and by more than chance (a two-proportion test,
one-sided 1 %), or when its p95 is longer by more than the factor. It must be so twice in a row.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from golive.config.values import Duration, Percent

CHANCE = 2.326  # z of one-sided 1 %
LEAST_SLOWER_MS = 50.0
HOLD = timedelta(seconds=8)


class Guard(BaseModel):
    """What a guarded rollout bears."""

    model_config = ConfigDict(extra="forbid")
    errors: Percent | None = 0.01
    """Switch off when the variant's error rate is higher by more than this share of requests."""
    latency: Annotated[float, Field(gt=1)] | None = 1.5
    """Switch off when the variant's p95 is longer by more than this factor."""
    window: Duration = timedelta(minutes=5)
    """The stretch compared."""
    minimum_requests: int = Field(default=50, ge=10)
    """With fewer requests on either side nothing is decided."""


class Finding(StrEnum):
    """What a comparison found."""

    UNKNOWN = "unknown"
    FINE = "fine"
    ERRORS = "errors"
    LATENCY = "latency"


@dataclass(frozen=True)
class Side:
    """Requests that got one variant."""

    requests: int = 0
    failures: int = 0
    p95_ms: float = 0.0

    @property
    def rate(self) -> float:
        return self.failures / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Verdict:
    """What is to be done, and why; `bad_since` is to be remembered until the next look."""

    off: bool
    finding: Finding
    reason: str
    variant: str = ""
    bad_since: datetime | None = None


def decide(sides: Mapping[str, Side], off: str, guard: Guard, bad_since: datetime | None, now: datetime) -> Verdict:
    """Whether to switch off, by the sides of one flag: requests by variant."""
    control = sides.get(off, Side())
    judged = [(name, *compare(side, control, guard)) for name, side in sides.items() if name != off]
    if not judged:
        return Verdict(False, Finding.UNKNOWN, "no request says that it got a variant")
    worst = next((each for each in judged if each[1] in (Finding.ERRORS, Finding.LATENCY)), None)
    if worst is None:
        known = next((each for each in judged if each[1] == Finding.FINE), judged[0])
        return Verdict(False, known[1], known[2], known[0])
    name, finding, reason = worst
    since = bad_since or now
    return Verdict(now - since >= HOLD, finding, reason, name, since)


def compare(variant: Side, control: Side, guard: Guard) -> tuple[Finding, str]:
    """One variant against the off variant."""
    for side, words in ((variant, "the variant"), (control, "the off variant")):
        if side.requests < guard.minimum_requests:
            return Finding.UNKNOWN, (
                f"too few requests with {words} to judge: {side.requests}, {guard.minimum_requests} needed"
            )
    more = variant.rate - control.rate
    told = f"{variant.rate:.1%} of requests fail with it, {control.rate:.1%} without"
    if guard.errors is not None and more > guard.errors and _beyond_chance(variant, control):
        return Finding.ERRORS, told
    slower = f"p95 is {variant.p95_ms:.0f} ms with it, {control.p95_ms:.0f} ms without"
    if (
        guard.latency is not None
        and variant.p95_ms > control.p95_ms * guard.latency
        and variant.p95_ms - control.p95_ms > LEAST_SLOWER_MS
    ):
        return Finding.LATENCY, slower
    return Finding.FINE, f"{told}; {slower}"


def _beyond_chance(one: Side, other: Side) -> bool:
    pooled = (one.failures + other.failures) / (one.requests + other.requests)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / one.requests + 1 / other.requests))
    return spread > 0 and (one.rate - other.rate) / spread > CHANCE
