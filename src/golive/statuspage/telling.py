"""Telling customers: by a responder's form or by golive itself."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery

from golive.incidents.lifecycle import CLOSED, State
from golive.incidents.models import Duty, EntryKind, Incident
from golive.incidents.timeline import write
from golive.notify.models import OutboxMessage, Urgency
from golive.notify.outbox import Content
from golive.notify.route import to_channels, to_person
from golive.oncall.roster import roster_of
from golive.people import audit
from golive.people.models import Project
from golive.statuspage import subscribers
from golive.statuspage.autopublish import Facts, Say, decide
from golive.statuspage.models import Component, Hold, Notice, StatusPage, Told, Update
from golive.statuspage.standing import Status


class TellingError(Exception):
    """The update cannot be published; the message says what it lacks."""


def page_of(project: Project) -> StatusPage:
    """The project's page, with defaults when golive.toml says nothing."""
    return StatusPage.objects.filter(project=project).first() or StatusPage(project=project)


def tell(
    incident: Incident,
    told: Told,
    body: str,
    by: str,
    at: datetime,
    *,
    title: str = "",
    affected: Mapping[str, Status] | None = None,
) -> Update:
    """Publish an update; the first one makes the notice. Raises TellingError."""
    if not body.strip():
        raise TellingError("Write what customers should know.")
    with transaction.atomic():
        incident = Incident.objects.select_for_update().select_related("project").get(pk=incident.pk)
        notice, made = Notice.objects.get_or_create(
            incident=incident,
            defaults={"title": title.strip() or public_title(incident), "created_at": at, "impact": _impact(incident)},
        )
        if not made and title.strip() and title.strip() != notice.title:
            notice.title = title.strip()
            notice.save(update_fields=["title"])
        said = {code: status.value for code, status in (affected or {}).items()}
        update = Update.objects.create(notice=notice, told=told, body=body.strip(), affected=said, by=by, at=at)
        write(incident, EntryKind.PUBLISHED, f"Status page: {told.label}. {body.strip()}", at, actor=by)
        subscribers.tell(update)
        if by != "golive":
            audit.record(by, "statuspage.tell", f"#{incident.number}", project=incident.project, told=told.value)
        return update


def affected_components(incident: Incident) -> list[Component]:
    """The components that this incident's conditions speak for, in the page's order."""
    sources = [source.source for source in incident.sources.all()]
    return [
        component
        for component in Component.objects.filter(project=incident.project_id)
        if any(component.speaks(source, incident.service) for source in sources)
        or (incident.service and incident.service in component.services)
    ]


def public_title(incident: Incident) -> str:
    """What a notice is called until somebody writes better: the components, not our inner names."""
    names = [component.name for component in affected_components(incident)]
    return f"Problem with {' and '.join(names)}" if names else "Service problem"


def facts_of(incident: Incident, page: StatusPage) -> Facts:
    """The incident as far as publishing goes."""
    last = Update.objects.filter(notice__incident=incident).first()
    return Facts(
        state=State(incident.state),
        critical=incident.is_critical,
        components=tuple(component.name for component in affected_components(incident)),
        began_at=incident.began_at,
        mitigated_at=incident.mitigated_at,
        last_told=Told(last.told) if last else None,
        held=is_held(incident),
        language=page.language,
    )


def is_held(incident: Incident) -> bool:
    return Hold.objects.filter(incident=incident, released_at=None).exists()


def hold(incident: Incident, by: str, at: datetime) -> None:
    """Keep golive from telling customers by itself: neither page, nor subscribers, nor mail to those who were hit."""
    with transaction.atomic():
        Hold.objects.update_or_create(incident=incident, defaults={"by": by, "at": at, "released_at": None})
        write(incident, EntryKind.PUBLISHED, f"Held: {by} keeps golive from telling customers by itself", at, actor=by)
        audit.record(by, "statuspage.hold", f"#{incident.number}", project=incident.project)


def release(incident: Incident, by: str, at: datetime) -> None:
    """Let golive tell customers again."""
    with transaction.atomic():
        if Hold.objects.filter(incident=incident, released_at=None).update(released_at=at):
            write(incident, EntryKind.PUBLISHED, f"Released by {by}: golive tells customers by itself", at, actor=by)
            audit.record(by, "statuspage.release", f"#{incident.number}", project=incident.project)


def publish_due(now: datetime) -> int:
    """Publish what golive tells by itself; how many updates."""
    newest = Update.objects.filter(notice__incident=OuterRef("pk")).order_by("-at", "-id").values("told")[:1]
    found = Incident.objects.annotate(last_told=Subquery(newest))
    closed = Q(last_told__isnull=False) & ~Q(last_told__in=(Told.RESOLVED, Told.POSTMORTEM))
    found = found.filter(~Q(state__in=CLOSED) | closed)
    return sum(_publish(incident, now) for incident in found if _worth_a_look(incident))


def _worth_a_look(incident: Incident) -> bool:
    """Spares the incidents that wait, told already or not to be told, a second question each second."""
    told = incident.last_told  # type: ignore[attr-defined]
    if incident.is_open:
        return incident.is_critical if told is None else told in (Told.MONITORING, Told.RESOLVED, Told.POSTMORTEM)
    return told is not None and not (incident.state == State.MITIGATED and told == Told.MONITORING)


def _publish(incident: Incident, now: datetime) -> int:
    with transaction.atomic():
        locked = Incident.objects.select_for_update().select_related("project").get(pk=incident.pk)
        page = page_of(locked.project)
        say = decide(facts_of(locked, page), page.publish_after, now)
        if say is None:
            return 0
        if page.approve:
            _ask(locked, say, now)
            return 0
        tell(locked, say.told, say.body, "golive", now)
        return 1


def _ask(incident: Incident, say: Say, now: datetime) -> None:
    """A draft waits for a person: those who are paged hear of it, once for each thing to say."""
    last = Update.objects.filter(notice__incident=incident).first()
    key = f"{incident.about}:draft:{last.pk if last else 0}:{say.told.value}"
    if OutboxMessage.objects.filter(key__startswith=key).exists():
        return
    text = f"Customers should hear this now ({say.reason}):\n\n{say.body}\n\nApprove or change it: {incident.url}\n"
    data = {"project": incident.project.slug, "number": incident.number, "url": incident.url, "reason": say.body}
    subject = f"[draft] {incident.project}: approve what customers are told"
    content = Content(subject, text, event="statuspage.draft", data=data)
    people = roster_of(incident.project).on_call_at(now, incident.service).people
    held = incident.duties.filter(duty=Duty.COMMUNICATIONS).first()
    for who in [held.who] if held else people[:1]:
        to_person(incident.project, who, content, key=key, urgency=Urgency.HIGH, about=incident.about)
    to_channels(incident.project, content, key=key, urgency=Urgency.HIGH, about=incident.about)
    write(incident, EntryKind.PUBLISHED, f"A draft waits for approval: {say.body}", now)


def _impact(incident: Incident) -> str:
    return "major" if incident.is_critical else "minor"
