"""When the status page tells of an incident by itself, and what: facts only, the rest is for responders to write."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.incidents.lifecycle import CLOSED, OPEN, State
from golive.kit.durations import format_duration
from golive.statuspage.models import Told
from golive.statuspage.wording import words


@dataclass(frozen=True)
class Facts:
    """An incident as far as publishing goes. `last_told` is the newest update's status, None before the first.

    `held`: a responder keeps golive from telling by itself.
    """

    state: State
    critical: bool
    components: tuple[str, ...]
    began_at: datetime
    mitigated_at: datetime | None
    last_told: Told | None
    held: bool = False
    language: str = "en"


@dataclass(frozen=True)
class Say:
    """An update to publish, and why now."""

    told: Told
    body: str
    reason: str


def decide(facts: Facts, publish_after: timedelta, now: datetime) -> Say | None:
    """The update to publish at `now`, if any. A short incident that ended before `publish_after` is not told."""
    if facts.held:
        return None
    if facts.last_told is None:
        if facts.state not in OPEN or not facts.critical or not facts.components:
            return None
        if now - facts.began_at < publish_after:
            return None
    return draft(facts, now)


def draft(facts: Facts, now: datetime) -> Say | None:
    """What the facts say next, whenever it is told; None when everything has been said."""
    said = words(facts.language)
    what, since = _listed(facts.components, said), f"{facts.began_at:%H:%M} UTC"
    if facts.last_told is None and facts.state in OPEN:
        body = said["say_investigating"].format(what=what, since=since)
        return Say(Told.INVESTIGATING, body, f"on for {format_duration(now - facts.began_at)}")
    if facts.state in OPEN and facts.last_told in (Told.MONITORING, Told.RESOLVED, Told.POSTMORTEM):
        return Say(Told.INVESTIGATING, said["say_back"].format(what=what), "it fired again")
    unsaid = facts.last_told in (None, Told.INVESTIGATING, Told.IDENTIFIED)
    if facts.state == State.MITIGATED and unsaid and facts.mitigated_at is not None:
        took = format_duration(facts.mitigated_at - facts.began_at)
        at = f"{facts.mitigated_at:%H:%M}"
        body = said["say_monitoring"].format(what=what, What=_capital(what), at=at, took=took)
        return Say(Told.MONITORING, body, "it recovered")
    if facts.state in CLOSED and facts.last_told not in (Told.RESOLVED, Told.POSTMORTEM):
        until = said["say_until"].format(at=f"{facts.mitigated_at:%H:%M}") if facts.mitigated_at else ""
        return Say(Told.RESOLVED, said["say_resolved"].format(what=what, since=since, until=until), "it is resolved")
    return None


def _listed(names: tuple[str, ...], said: Mapping[str, str]) -> str:
    if not names:
        return said["our_service"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {said['and']} {names[-1]}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
