"""Decisions of the queue: what may be done with a job now, and why. Time is passed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LEASE = timedelta(seconds=30)
RENEW = timedelta(seconds=5)
RETRY_FIRST = timedelta(seconds=5)
RETRY_LONGEST = timedelta(minutes=10)


class Move(StrEnum):
    RUN = "run"
    WAIT = "wait"
    GIVE_UP = "give up"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Standing:
    """What the decision looks at in a job that is queued or running."""

    running: bool
    run_after: datetime
    lease_until: datetime | None
    attempts: int
    max_attempts: int
    cancel_requested: bool


@dataclass(frozen=True)
class Decision:
    move: Move
    reason: str


def decide(job: Standing, now: datetime) -> Decision:
    """May this job be claimed? One whose lease ran out lost its worker and is run again, as often as allowed."""
    if job.running and job.lease_until is not None and now < job.lease_until:
        return Decision(Move.WAIT, "a worker holds its lease")
    if job.cancel_requested:
        return Decision(Move.CANCEL, "cancelled before it ran" if not job.running else "cancelled; its worker is gone")
    if job.attempts >= job.max_attempts:
        return Decision(Move.GIVE_UP, f"lost its worker {job.attempts} times")
    if job.running:
        return Decision(Move.RUN, "its worker is gone: run again")
    if now < job.run_after:
        return Decision(Move.WAIT, "not due yet")
    return Decision(Move.RUN, "due")


def retry_after(attempts: int) -> timedelta:
    """How long a job that failed `attempts` times waits for the next: 5 s, 10 s, 20 s ... 10 min."""
    return min(RETRY_FIRST * (1 << min(max(attempts - 1, 0), 16)), RETRY_LONGEST)
