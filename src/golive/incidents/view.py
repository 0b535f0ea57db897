"""What an incident's page and its API show: headline, clocks, timeline with delivery, what changed before."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.changes.models import Change
from golive.changes.record import before
from golive.incidents import clocks
from golive.incidents.lifecycle import State
from golive.incidents.models import EntryKind, Incident, TimelineEntry
from golive.kit.durations import format_duration
from golive.notify.models import Delivery

JUST_BEFORE = timedelta(minutes=30)
LOOKS = {
    EntryKind.DETECTED: ("critical", "alert-octagon"),
    EntryKind.FIRING: ("critical", "alert-triangle"),
    EntryKind.RECOVERED: ("ok", "circle-check"),
    EntryKind.SEVERITY: ("critical", "alert-octagon"),
    EntryKind.REOPENED: ("critical", "refresh"),
    EntryKind.PAGED: ("info", "bell"),
    EntryKind.TOLD: ("info", "mail"),
    EntryKind.ACKNOWLEDGED: ("info", "user-check"),
    EntryKind.SNOOZED: ("warning", "bell-off"),
    EntryKind.NOTE: ("unknown", "pencil"),
    EntryKind.PUBLISHED: ("info", "broadcast"),
    EntryKind.ACTION: ("info", "tool"),
    EntryKind.MITIGATED: ("ok", "circle-check"),
    EntryKind.RESOLVED: ("ok", "circle-check"),
    EntryKind.ROLE: ("info", "users"),
    EntryKind.REVIEWED: ("ok", "file-check"),
}
DELIVERIES = {
    Delivery.PENDING: "being sent",
    Delivery.CLAIMED: "being sent",
    Delivery.SENT: "delivered",
    Delivery.FAILED: "not delivered yet",
    Delivery.DEAD: "not delivered",
    Delivery.WITHDRAWN: "withdrawn before it was sent",
}


@dataclass(frozen=True)
class Line:
    """A line of the timeline as shown; a change before the incident is one too. `trouble`: delivery needs a look."""

    at: datetime
    text: str
    actor: str
    tone: str
    icon: str
    link: str = ""
    delivery: str = ""
    trouble: bool = False
    change: bool = False


def headline(incident: Incident, now: datetime) -> str:
    """The page's first sentence: what broke, for how long, who has it."""
    lasted = format_duration((incident.mitigated_at or now) - incident.began_at)
    match State(incident.state):
        case State.DETECTED if incident.snoozed_until and incident.snoozed_until > now:
            return f"{incident.title} ({lasted}): snoozed until {incident.snoozed_until:%H:%M} UTC, nobody is on it."
        case State.DETECTED if incident.is_critical:
            return f"{incident.title} ({lasted}): nobody has acknowledged it."
        case State.DETECTED:
            return f"{incident.title} ({lasted}): nobody is on it."
        case State.ACKNOWLEDGED:
            return f"{incident.title} ({lasted}): {incident.acknowledged_by} is on it."
        case State.MITIGATED:
            return f"{incident.title}: recovered after {lasted}; the cause is not written down yet."
        case State.RESOLVED:
            return f"{incident.title}: resolved, it lasted {lasted}."
        case State.REVIEWED:
            return f"{incident.title}: resolved and reviewed, it lasted {lasted}."


def timeline(incident: Incident) -> list[Line]:
    """Newest first: what happened, and what had changed in the half hour before it was detected."""
    entries = incident.timeline.select_related("message")
    lines = [_line(entry) for entry in entries] + [_change(change) for change in suspects(incident)]
    return sorted(lines, key=lambda line: line.at)[::-1]  # of two at the same instant the later written comes first


def suspects(incident: Incident) -> list[Change]:
    """What changed just before, newest first."""
    return [
        change
        for change in before(incident.project, incident.detected_at, JUST_BEFORE)
        if change.environment in ("", incident.environment)
    ]


def measures(incident: Incident, now: datetime, *, public: bool) -> list[clocks.Measure]:
    """The incident's clocks."""
    instants = clocks.Instants(
        began_at=incident.began_at,
        detected_at=incident.detected_at,
        paged_at=incident.paged_at,
        acknowledged_at=incident.acknowledged_at,
        published_at=incident.published_at,
        mitigated_at=incident.mitigated_at,
        resolved_at=incident.resolved_at,
        reviewed_at=incident.reviewed_at,
    )
    return clocks.measure(instants, now, pages=incident.is_critical, public=public)


def review_late(incident: Incident, now: datetime) -> bool:
    """Whether the review of a critical incident is overdue."""
    waits = incident.is_critical and incident.mitigated_at is not None and incident.reviewed_at is None
    return waits and incident.mitigated_at is not None and now - incident.mitigated_at > clocks.REVIEW_TARGET


def _line(entry: TimelineEntry) -> Line:
    tone, icon = LOOKS[EntryKind(entry.kind)]
    delivery, trouble = "", False
    if entry.message is not None:
        state = Delivery(entry.message.state)
        delivery, trouble = DELIVERIES[state], state in (Delivery.FAILED, Delivery.DEAD)
        if state == Delivery.SENT and entry.message.sent_at:
            delivery = f"delivered after {format_duration(entry.message.sent_at - entry.message.created_at)}"
        elif trouble:
            delivery = f"{delivery}: {entry.message.last_error}"
    return Line(entry.at, entry.text, entry.actor, tone, icon, entry.link, delivery, trouble)


def _change(change: Change) -> Line:
    return Line(
        change.at,
        f"{change.get_kind_display()}: {change.title}",
        change.actor or "golive",
        "info",
        "git-commit",
        change.link,
        change=True,
    )
