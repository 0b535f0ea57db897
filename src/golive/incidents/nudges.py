"""What follows when a clock is missed: of a page that nobody takes everybody hears, of silence whoever took it."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from golive.alerts.models import Severity
from golive.alerts.models import State as SourceState
from golive.incidents import mail, moves
from golive.incidents.clocks import ACKNOWLEDGE_TARGET
from golive.incidents.lifecycle import IllegalTransition, State
from golive.incidents.models import Duty, EntryKind, Incident
from golive.incidents.staleness import Act, decide
from golive.incidents.timeline import write
from golive.kit.durations import format_duration
from golive.notify.models import OutboxMessage, Urgency
from golive.notify.route import to_channels, to_person
from golive.oncall.models import OnCall
from golive.oncall.roster import roster_of


def due(now: datetime) -> int:
    """Nudge where it is due; how many."""
    return tell_overdue(now) + remind(now)


def tell_overdue(now: datetime) -> int:
    """Nobody acknowledged in time: the channels and everybody of the policy hear of it, once for each alarm."""
    late = Incident.objects.filter(
        state=State.DETECTED, severity=Severity.CRITICAL, paging_since__lte=now - ACKNOWLEDGE_TARGET
    )
    return sum(_tell_overdue(incident, now) for incident in late.select_related("project"))


def remind(now: datetime) -> int:
    """Remind of what was acknowledged and then left alone; page anew when that has lasted too long."""
    taken = Incident.objects.filter(state=State.ACKNOWLEDGED, severity=Severity.CRITICAL)
    return sum(_remind(incident, now) for incident in taken.select_related("project"))


def responsible(incident: Incident, now: datetime) -> str:
    """The commander, else whoever acknowledged, else who is on call; nobody when empty."""
    held = incident.duties.filter(duty=Duty.COMMANDER).first()
    if held:
        return held.who
    if "@" in incident.acknowledged_by:
        return incident.acknowledged_by
    return next(iter(roster_of(incident.project).on_call_at(now, incident.service).people), "")


def _tell_overdue(incident: Incident, now: datetime) -> int:
    key = f"{incident.about}:overdue:{incident.paging_since.timestamp():.0f}"
    if incident.snoozed_until and incident.snoozed_until > now:
        return 0
    words = f"Nobody has acknowledged it within {format_duration(ACKNOWLEDGE_TARGET)}"
    since = incident.timeline.filter(at__gte=incident.paging_since)
    if since.filter(kind=EntryKind.TOLD, text__startswith=words).exists():
        return 0
    people = roster_of(incident.project).on_call_at(now, incident.service).people
    lead, todo = f"{words}.", "Whoever reads this first: acknowledge it."
    content = mail.nudge(incident, lead, todo)
    with transaction.atomic():
        for who in people:
            mine = mail.nudge(incident, lead, todo, who)
            to_person(incident.project, who, mine, key=key, urgency=Urgency.HIGH, about=incident.about)
        to_channels(incident.project, content, key=key, urgency=Urgency.HIGH, about=incident.about)
        write(incident, EntryKind.TOLD, f"{words}: told {', '.join([*people, 'the channels'])}", now)
    return 1


def _remind(incident: Incident, now: datetime) -> int:
    kept = OnCall.objects.filter(project=incident.project).first() or OnCall(project=incident.project)
    touched = incident.timeline.exclude(actor="golive").aggregate(at=Max("at"))["at"]
    if touched is None:
        return 0
    firing = incident.sources.filter(state=SourceState.FIRING, severity=Severity.CRITICAL)
    nudge = decide(touched, kept.remind, kept.lapse, fires=firing.exists(), now=now)
    if nudge is None:
        return 0
    if nudge.act == Act.LAPSE:
        return _lapse(incident, f"Pages start anew: {nudge.reason} since {incident.acknowledged_by} took it", now)
    key = f"{incident.about}:remind:{touched.timestamp():.0f}:{nudge.number}"
    who = responsible(incident, now)
    if not who or OutboxMessage.objects.filter(key__startswith=f"{key}:").exists():
        return 0
    todo = "Write a note, hand it over, or mark it as mitigated."
    if kept.lapse and firing.exists():
        todo += f" Without a sign of life pages start anew at {touched + kept.lapse:%H:%M} UTC."
    lead = f"You took it, and {nudge.reason}."
    with transaction.atomic():
        content = mail.nudge(incident, lead, todo)
        message = to_person(incident.project, who, content, key=key, urgency=Urgency.HIGH, about=incident.about)
        write(incident, EntryKind.TOLD, f"Reminded {who}: {nudge.reason}", now, message=message)
    return 1


def _lapse(incident: Incident, words: str, now: datetime) -> int:
    try:
        moves.lapse(incident, now, words)
    except IllegalTransition:  # somebody was faster
        return 0
    return 1


def due_now() -> None:
    due(timezone.now())
