"""The one state machine of outside alerts: what an event, the passing of time or a revoked key changes. Pure."""

from dataclasses import dataclass
from datetime import datetime

from golive.alerts.inbound.event import Event
from golive.alerts.models import Severity, State


@dataclass(frozen=True)
class Standing:
    """How an alert stands before the event; one never heard of is OK."""

    state: State = State.OK
    severity: Severity = Severity.INFO
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Move:
    """What becomes of it. `flips` says whether a transition is recorded; the reason is said either way."""

    flips: bool
    old: State
    new: State
    severity: Severity
    reason: str


def hear(standing: Standing, event: Event) -> Move:
    """A repeated event is no transition; one that fires at another severity is."""
    if not event.firing:
        fired = standing.state != State.OK
        reason = event.reason or "its sender says that it has ended"
        return Move(
            fired, standing.state, State.OK, standing.severity, reason if fired else "nothing fires under its key"
        )
    reason = event.reason or event.title
    same = standing.state == State.FIRING and standing.severity == event.severity
    return Move(not same, standing.state, State.FIRING, event.severity, "it fires already" if same else reason)


def wait(standing: Standing, now: datetime) -> Move | None:
    """An alert whose sender repeats it has ended when it was not repeated until its end."""
    if standing.state != State.FIRING or standing.expires_at is None or standing.expires_at > now:
        return None
    reason = f"not sent again until its end at {standing.expires_at:%H:%M:%S} UTC"
    return Move(True, State.FIRING, State.OK, standing.severity, reason)


def forget(standing: Standing) -> Move | None:
    """When its integration is revoked nothing more is heard of it: unknown, not well."""
    if standing.state != State.FIRING:
        return None
    return Move(True, State.FIRING, State.UNKNOWN, standing.severity, "its integration was revoked")
