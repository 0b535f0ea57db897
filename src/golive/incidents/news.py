"""Who hears of an incident's news, beside the pages: the project's channels, and people by mail.

A warning is told once to the first person on call and never repeated; a critical incident is paged by `paging`.
"""

from golive.incidents import mail
from golive.incidents.lifecycle import State
from golive.incidents.models import EntryKind, Incident, TimelineEntry
from golive.incidents.timeline import write
from golive.notify.models import Urgency
from golive.notify.outbox import Content
from golive.notify.route import to_channels, to_person
from golive.oncall.roster import roster_of


def broken(incident: Incident, entry: TimelineEntry) -> None:
    """It broke, broke again or got worse."""
    if incident.state != State.DETECTED:
        return
    urgency = Urgency.HIGH if incident.is_critical else Urgency.NORMAL
    key = f"{incident.about}:{entry.kind}:{entry.pk}"
    to_channels(incident.project, mail.broken(incident), key=key, urgency=urgency, about=incident.about)
    people = roster_of(incident.project).on_call_at(entry.at, incident.service).people
    if not incident.is_critical and people:
        _mail(incident, [people[0]], mail.broken(incident), key, entry)


def recovered(incident: Incident, words: str) -> None:
    """Service is back: those who were disturbed hear of it."""
    entry = incident.timeline.filter(kind=EntryKind.MITIGATED).latest("id")
    key = f"{incident.about}:mitigated:{entry.pk}"
    content = mail.recovered(incident, words)
    to_channels(incident.project, content, key=key, urgency=Urgency.NORMAL, about=incident.about)
    disturbed = incident.timeline.filter(kind__in=(EntryKind.PAGED, EntryKind.TOLD), message__isnull=False)
    people = sorted(set(disturbed.values_list("message__person", flat=True)))
    _mail(incident, people, content, key, entry)


def resolved(incident: Incident) -> None:
    """It is closed: the channels hear of it, nobody is disturbed."""
    entry = incident.timeline.filter(kind=EntryKind.RESOLVED).latest("id")
    key = f"{incident.about}:resolved:{entry.pk}"
    to_channels(incident.project, mail.resolved(incident), key=key, urgency=Urgency.NORMAL, about=incident.about)


def _mail(incident: Incident, people: list[str], content: Content, key: str, entry: TimelineEntry) -> None:
    for who in people:
        message = to_person(incident.project, who, content, key=key, urgency=Urgency.NORMAL, about=incident.about)
        write(incident, EntryKind.TOLD, f"Told {who} by mail", entry.at, message=message)
