"""Telling customers: by a responder's form or by golive itself."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery

from golive.incidents.lifecycle import CLOSED, State
from golive.incidents.models import EntryKind, Incident
from golive.incidents.timeline import write
from golive.people import audit
from golive.people.models import Project
from golive.statuspage.autopublish import Facts, decide
from golive.statuspage.models import Component, Notice, StatusPage, Told, Update
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


def publish_due(now: datetime) -> int:
    """Publish what golive tells by itself; how many updates."""
    newest = Update.objects.filter(notice__incident=OuterRef("pk")).order_by("-at", "-id").values("told")[:1]
    found = Incident.objects.annotate(last_told=Subquery(newest))
    found = found.filter(~Q(state__in=CLOSED) | Q(last_told__isnull=False) & ~Q(last_told=Told.RESOLVED))
    return sum(_publish(incident, now) for incident in found if _worth_a_look(incident))


def _worth_a_look(incident: Incident) -> bool:
    """Spares the incidents that wait, told already or not to be told, a second question each second."""
    told = incident.last_told  # type: ignore[attr-defined]
    if incident.is_open:
        return incident.is_critical if told is None else told in (Told.MONITORING, Told.RESOLVED)
    return told is not None and not (incident.state == State.MITIGATED and told == Told.MONITORING)


def _publish(incident: Incident, now: datetime) -> int:
    with transaction.atomic():
        locked = Incident.objects.select_for_update().select_related("project").get(pk=incident.pk)
        last = Update.objects.filter(notice__incident=locked).first()
        facts = Facts(
            state=State(locked.state),
            critical=locked.is_critical,
            components=tuple(component.name for component in affected_components(locked)),
            began_at=locked.began_at,
            mitigated_at=locked.mitigated_at,
            last_told=Told(last.told) if last else None,
        )
        say = decide(facts, page_of(locked.project).publish_after, now)
        if say is None:
            return 0
        tell(locked, say.told, say.body, "golive", now)
        return 1


def _impact(incident: Incident) -> str:
    return "major" if incident.is_critical else "minor"
