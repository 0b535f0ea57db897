"""What an incident's clocks measured, beside the cookbook's targets."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

ALERT_TARGET = timedelta(minutes=2)
ACKNOWLEDGE_TARGET = timedelta(minutes=15)
PUBLISH_TARGET = timedelta(minutes=5)
REVIEW_TARGET = timedelta(hours=48)


class Verdict(StrEnum):
    """How a measure stands to its target; running ones are judged by the time that has passed."""

    KEPT = "kept"
    MISSED = "missed"
    RUNNING = "running"
    NONE = "none"


@dataclass(frozen=True)
class Measure:
    """One clock. `took` is None while it runs (then `so_far` counts) or when it does not apply."""

    name: str
    at: datetime | None
    took: timedelta | None
    so_far: timedelta | None
    target: timedelta | None
    verdict: Verdict


@dataclass(frozen=True)
class Instants:
    """When each thing happened. `paged_at` is when the first page was accepted by its receiver."""

    began_at: datetime
    detected_at: datetime
    paged_at: datetime | None
    acknowledged_at: datetime | None
    published_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    reviewed_at: datetime | None = None


def measure(instants: Instants, now: datetime, *, pages: bool, public: bool) -> list[Measure]:
    """All clocks in the order of the cookbook. `pages`: severe enough to page; `public`: shown to customers.

    An incident that ended before somebody acknowledged or published it no longer runs those clocks.
    """
    ended = instants.mitigated_at or instants.resolved_at
    over = ended or instants.detected_at
    began, detected = instants.began_at, instants.detected_at
    paged, taken, told = instants.paged_at, instants.acknowledged_at, instants.published_at
    waits = ended is None
    return [
        _clock("Detected", began, detected, now, ALERT_TARGET, runs=True),
        _clock("Paged", began, paged, now, ALERT_TARGET, runs=pages and waits),
        _clock("Acknowledged", detected, taken, now, ACKNOWLEDGE_TARGET, runs=pages and waits),
        _clock("Status page", began, told, now, PUBLISH_TARGET, runs=public and waits),
        _clock("Mitigated", began, instants.mitigated_at, now, None, runs=True),
        _clock("Resolved", began, instants.resolved_at, now, None, runs=True),
        _clock("Reviewed", over, instants.reviewed_at, now, REVIEW_TARGET, runs=pages and not waits),
    ]


def _clock(
    name: str, since: datetime, at: datetime | None, now: datetime, target: timedelta | None, *, runs: bool
) -> Measure:
    took = max(at - since, timedelta(0)) if at else None
    so_far = max(now - since, timedelta(0)) if runs and at is None else None
    counted = took if took is not None else so_far
    if counted is not None and target is not None and counted > target:
        verdict = Verdict.MISSED
    elif so_far is not None:
        verdict = Verdict.RUNNING
    else:
        verdict = Verdict.KEPT if took is not None and target is not None else Verdict.NONE
    return Measure(name, at, took, so_far, target, verdict)
