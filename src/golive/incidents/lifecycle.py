"""The life of an incident: one table of transitions, and what each does to its clocks.

Recovery alone is only mitigation: an incident is resolved when its cause is written down and the fixing release is
linked, or when somebody says why none is needed. A condition that fires again reopens what had only been mitigated.
It is reviewed when the post-mortem is done.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where an incident stands."""

    DETECTED = "detected"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    REVIEWED = "reviewed"


class Event(StrEnum):
    """What can happen to an incident."""

    ACKNOWLEDGE = "acknowledge"
    MITIGATE = "mitigate"
    REFIRE = "refire"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    REVIEW = "review"
    LAPSE = "lapse"


TABLE: dict[tuple[State, Event], State] = {
    (State.DETECTED, Event.ACKNOWLEDGE): State.ACKNOWLEDGED,
    (State.DETECTED, Event.MITIGATE): State.MITIGATED,
    (State.DETECTED, Event.RESOLVE): State.RESOLVED,
    (State.ACKNOWLEDGED, Event.MITIGATE): State.MITIGATED,
    (State.ACKNOWLEDGED, Event.RESOLVE): State.RESOLVED,
    (State.ACKNOWLEDGED, Event.LAPSE): State.DETECTED,  # whoever took it is silent for too long
    (State.MITIGATED, Event.ACKNOWLEDGE): State.MITIGATED,  # "seen", said after it was over: stops the clock only
    (State.MITIGATED, Event.REFIRE): State.DETECTED,
    (State.MITIGATED, Event.RESOLVE): State.RESOLVED,
    (State.MITIGATED, Event.REOPEN): State.DETECTED,
    (State.RESOLVED, Event.REOPEN): State.DETECTED,
    (State.RESOLVED, Event.REVIEW): State.REVIEWED,
    (State.REVIEWED, Event.REOPEN): State.DETECTED,
}
OPEN = (State.DETECTED, State.ACKNOWLEDGED)
CLOSED = (State.RESOLVED, State.REVIEWED)


class IllegalTransition(Exception):
    """The event cannot happen in this state, or lacks what it needs; the message says which."""


@dataclass(frozen=True)
class Clocks:
    """When each thing happened first; `paging_since` when it last began to wait for somebody."""

    began_at: datetime
    detected_at: datetime
    paging_since: datetime
    acknowledged_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    reviewed_at: datetime | None = None

    def latest(self) -> datetime:
        known = [self.detected_at, self.paging_since, self.acknowledged_at]
        known += [self.mitigated_at, self.resolved_at, self.reviewed_at]
        return max(at for at in known if at is not None)


@dataclass(frozen=True)
class Step:
    """The outcome of an event: the state after it, its clocks, and the instant at which it counts."""

    state: State
    clocks: Clocks
    at: datetime


def after(state: State, clocks: Clocks, event: Event, at: datetime) -> Step:
    """Decide what `event` does. An instant before the last known one counts as that one: clocks never run backwards.

    Raises IllegalTransition.
    """
    if (state, event) not in TABLE:
        raise IllegalTransition(f"An incident that is {state} cannot be {_DONE[event]}.")
    if event == Event.ACKNOWLEDGE and state == State.MITIGATED and clocks.acknowledged_at is not None:
        raise IllegalTransition("This incident has been acknowledged already.")
    at = max(at, clocks.latest())
    match event:
        case Event.ACKNOWLEDGE:
            clocks = replace(clocks, acknowledged_at=clocks.acknowledged_at or at)
        case Event.MITIGATE:
            clocks = replace(clocks, mitigated_at=at)
        case Event.RESOLVE:
            clocks = replace(clocks, mitigated_at=clocks.mitigated_at or at, resolved_at=at)
        case Event.REVIEW:
            clocks = replace(clocks, reviewed_at=at)
        case Event.LAPSE:
            clocks = replace(clocks, paging_since=at)
        case Event.REFIRE | Event.REOPEN:
            clocks = replace(clocks, paging_since=at, mitigated_at=None, resolved_at=None, reviewed_at=None)
    return Step(TABLE[state, event], clocks, at)


def check_resolution(cause: str, release: str, reason_for_none: str) -> None:
    """What resolving needs: a cause, and either the fixing release or why none is needed. Raises IllegalTransition."""
    if not cause.strip():
        raise IllegalTransition("Write down the cause: recovery alone is only mitigation.")
    if bool(release.strip()) == bool(reason_for_none.strip()):
        raise IllegalTransition("Name the release that fixes it, or say why none is needed - one of the two.")


_DONE = {
    Event.ACKNOWLEDGE: "acknowledged",
    Event.MITIGATE: "marked as mitigated",
    Event.REFIRE: "fired again",
    Event.RESOLVE: "resolved",
    Event.REOPEN: "reopened",
    Event.REVIEW: "marked as reviewed",
    Event.LAPSE: "paged anew",
}
