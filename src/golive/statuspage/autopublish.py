"""When the status page tells of an incident by itself: facts only, the rest is for responders to write."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.incidents.lifecycle import CLOSED, OPEN, State
from golive.kit.durations import format_duration
from golive.statuspage.models import Told


@dataclass(frozen=True)
class Facts:
    """An incident as far as publishing goes. `last_told` is the newest update's status, None before the first."""

    state: State
    critical: bool
    components: tuple[str, ...]
    began_at: datetime
    mitigated_at: datetime | None
    last_told: Told | None


@dataclass(frozen=True)
class Say:
    """An update to publish, and why now."""

    told: Told
    body: str
    reason: str


def decide(facts: Facts, publish_after: timedelta, now: datetime) -> Say | None:
    """The update to publish at `now`, if any. A short incident that ended before `publish_after` is not told."""
    what, since = _listed(facts.components), f"{facts.began_at:%H:%M} UTC"
    if facts.last_told is None:
        if facts.state not in OPEN or not facts.critical or not facts.components:
            return None
        if now - facts.began_at < publish_after:
            return None
        body = f"We are investigating a problem with {what}. It began at {since}."
        return Say(Told.INVESTIGATING, body, f"critical for {format_duration(now - facts.began_at)}")
    if facts.state in OPEN and facts.last_told in (Told.MONITORING, Told.RESOLVED):
        return Say(Told.INVESTIGATING, f"The problem with {what} is back. We are investigating.", "it fired again")
    if facts.state == State.MITIGATED and facts.last_told in (Told.INVESTIGATING, Told.IDENTIFIED):
        assert facts.mitigated_at is not None  # noqa: S101 - a mitigated incident has the instant
        took = format_duration(facts.mitigated_at - facts.began_at)
        body = f"{_capital(what)} recovered at {facts.mitigated_at:%H:%M} UTC, after {took}. We keep watching."
        return Say(Told.MONITORING, body, "it recovered")
    if facts.state in CLOSED and facts.last_told != Told.RESOLVED:
        until = f" to {facts.mitigated_at:%H:%M} UTC" if facts.mitigated_at else ""
        return Say(Told.RESOLVED, f"This is resolved. It affected {what} from {since}{until}.", "it is resolved")
    return None


def _listed(names: tuple[str, ...]) -> str:
    if not names:
        return "our service"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
