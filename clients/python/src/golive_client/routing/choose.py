"""Which server answers a read. Pure: what is known of the replicas and the time come in, a reason comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

PRIMARY = "primary"


class Reads(StrEnum):
    """Which reads may leave the primary."""

    ALL = "all"
    DECLARED = "declared"


@dataclass(frozen=True)
class Policy:
    """How far behind a replica may be, and how old what we know of it."""

    max_lag: timedelta = timedelta(seconds=10)
    stale: timedelta = timedelta(seconds=5)
    reads: Reads = Reads.ALL


@dataclass(frozen=True)
class Replica:
    """What is known of a replica. Times are monotonic seconds; `replayed` None means that it never answered."""

    name: str
    replayed: int | None = None
    lag_seconds: float | None = None
    load: float = 0.0
    checked_at: float | None = None
    closed_until: float = 0.0  # the breaker: nothing is asked of it before
    in_recovery: bool = True


@dataclass(frozen=True)
class Choice:
    """Who answers, and why."""

    name: str
    reason: str

    @property
    def is_primary(self) -> bool:
        return self.name == PRIMARY


def choose(
    replicas: Sequence[Replica],
    need: int | None,
    now: float,
    policy: Policy,
    *,
    declared: bool = False,
    wrote: bool = False,
) -> Choice:
    """The replica with the least load, then lag, among those that may answer; else the primary.

    `need` is the position that the asker must see; `wrote` means that they wrote in a transaction not yet committed.
    """
    if wrote:
        return Choice(PRIMARY, "this request wrote")
    if policy.reads is Reads.DECLARED and not declared:
        return Choice(PRIMARY, "this read is not declared as heavy")
    if not replicas:
        return Choice(PRIMARY, "there is no replica")
    refusals = {one.name: refusal(one, need, now, policy) for one in replicas}
    fit = [one for one in replicas if not refusals[one.name]]
    if not fit:
        return Choice(PRIMARY, "; ".join(f"{name} {why}" for name, why in refusals.items()))
    best = min(fit, key=lambda one: (one.load, one.lag_seconds or 0.0, one.name))
    return Choice(best.name, f"load {best.load:.0f}, lag {best.lag_seconds or 0.0:.1f} s")


def refusal(replica: Replica, need: int | None, now: float, policy: Policy) -> str:
    """Why a replica may not answer; empty when it may."""
    if now < replica.closed_until:
        return f"failed; tried again in {replica.closed_until - now:.1f} s"
    if replica.replayed is None or replica.checked_at is None:
        return "has not answered yet"
    if now - replica.checked_at > policy.stale.total_seconds():
        return f"has not been heard of for {now - replica.checked_at:.0f} s"
    if not replica.in_recovery:
        return "is no replica any more: it was promoted"
    if replica.lag_seconds is None:
        return "lags by an unknown time"
    if replica.lag_seconds > policy.max_lag.total_seconds():
        return f"lags {replica.lag_seconds:.1f} s"
    if need is not None and replica.replayed < need:
        return "has not replayed what the asker wrote"
    return ""


def pause(failures: int) -> float:
    """How long a replica is left alone after so many failures in a row: half a second, doubling up to 30 s."""
    return float(min(30.0, 0.5 * 2.0 ** min(max(failures - 1, 0), 10)))
