"""Incidents over HTTP: everything that the console can do. An action is a noun that is posted."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.alerts.models import Severity
from golive.incidents import actions, impact, moves, review_api, view
from golive.incidents.lifecycle import IllegalTransition, State
from golive.incidents.models import Duty, Incident
from golive.people.models import Project
from golive.people.tokens import actor, demand, scope

router = Router()
router.add_router("", review_api.router)
READ, WRITE = scope("incidents:read"), scope("incidents:write")
CONFLICT = 409


class IncidentOut(Schema):
    """An incident and its clocks."""

    number: int
    title: str
    severity: str
    state: str
    service: str
    environment: str
    opened_by: str
    began_at: datetime
    detected_at: datetime
    paged_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    snoozed_until: datetime | None
    published_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    reviewed_at: datetime | None
    cause: str
    fix_release: str
    no_fix_reason: str
    sources: list[str]
    link: str

    @classmethod
    def of(cls, incident: Incident) -> "IncidentOut":
        plain = {name: getattr(incident, name) for name in cls.model_fields if name != "sources"}
        return cls(**plain, sources=[source.source for source in incident.sources.all()])


class EntryOut(Schema):
    """A line of the timeline. `delivery` tells of a message's fate."""

    at: datetime
    text: str
    actor: str
    link: str
    delivery: str


class MeasureOut(Schema):
    """A clock in seconds; `verdict` is kept, missed, running or none."""

    name: str
    seconds: float | None
    so_far_seconds: float | None
    target_seconds: float | None
    verdict: str


class IncidentDetailOut(Schema):
    """An incident with its timeline, newest first, and its clocks."""

    incident: IncidentOut
    timeline: list[EntryOut]
    clocks: list[MeasureOut]


class IncidentIn(Schema):
    """An incident opened by hand."""

    title: str
    severity: Severity = Severity.CRITICAL
    service: str = ""
    environment: str = "production"


class NoteIn(Schema):
    text: str


class SnoozeIn(Schema):
    """How long nobody is paged."""

    minutes: int = 30


class ResolutionIn(Schema):
    """A cause, and either the fixing release or why none is needed."""

    cause: str
    release: str = ""
    none_needed: str = ""


class WayOutOut(Schema):
    """Something that can be done now, and what it will do to whom. `key` goes back when it is taken."""

    name: str
    key: str
    label: str
    effect: str


class WayOutIn(Schema):
    """The `key` of the offer: one that has changed meanwhile is refused."""

    key: str


class ImpactOut(Schema):
    """What it costs, counted without synthetic traffic; null is not known. Money is in minor units."""

    requests: int
    failed: int
    missing: int | None
    customers: int
    lost_minor: int | None
    lost_hourly_minor: int | None
    currency: str


class RoleIn(Schema):
    """Who has a role; nobody when empty."""

    who: str = ""


def entry_out(line: view.Line) -> EntryOut:
    return EntryOut(at=line.at, text=line.text, actor=line.actor, link=line.link, delivery=line.delivery)


@router.get("/projects/{slug}/incidents", response=list[IncidentOut], auth=READ, summary="List incidents")
def incidents(
    request: HttpRequest, slug: str, state: State | None = None, severity: Severity | None = None, limit: int = 50
) -> list[IncidentOut]:
    """The newest incidents first, at most 200."""
    found = Incident.objects.filter(project=get_object_or_404(Project, slug=slug))
    found = found.filter(state=state) if state else found
    found = found.filter(severity=severity) if severity else found
    found = found.select_related("project").prefetch_related("sources")
    return [IncidentOut.of(incident) for incident in found[: max(1, min(limit, 200))]]


@router.post("/projects/{slug}/incidents", response={201: IncidentOut}, auth=WRITE, summary="Open an incident")
def create(request: HttpRequest, slug: str, body: IncidentIn) -> Status[IncidentOut]:
    """Open an incident by hand; a critical one pages whoever is on call."""
    project = get_object_or_404(Project, slug=slug)
    if not body.title.strip():
        raise HttpError(422, "Say in `title` what is broken.")
    made = moves.open_incident(
        project,
        body.title,
        body.severity,
        timezone.now(),
        service=body.service,
        environment=body.environment,
        by=actor(request),
    )
    return Status(201, IncidentOut.of(made))


@router.get(
    "/projects/{slug}/incidents/{int:number}", response=IncidentDetailOut, auth=READ, summary="Show an incident"
)
def incident(request: HttpRequest, slug: str, number: int) -> IncidentDetailOut:
    """One incident with its timeline and clocks."""
    found = _find(slug, number)
    measures = view.measures(found, timezone.now(), public=found.is_critical)
    return IncidentDetailOut(
        incident=IncidentOut.of(found),
        timeline=[entry_out(line) for line in view.timeline(found)],
        clocks=[
            MeasureOut(
                name=measure.name,
                seconds=measure.took.total_seconds() if measure.took is not None else None,
                so_far_seconds=measure.so_far.total_seconds() if measure.so_far is not None else None,
                target_seconds=measure.target.total_seconds() if measure.target else None,
                verdict=measure.verdict,
            )
            for measure in measures
        ],
    )


@router.post(
    "/projects/{slug}/incidents/{int:number}/acknowledgement", response=IncidentOut, auth=WRITE, summary="Acknowledge"
)
def acknowledge(request: HttpRequest, slug: str, number: int) -> IncidentOut:
    """Somebody takes it: pages stop."""
    return _move(slug, number, lambda found: moves.acknowledge(found, actor(request), timezone.now()))


@router.post("/projects/{slug}/incidents/{int:number}/snooze", response=IncidentOut, auth=WRITE, summary="Snooze")
def snooze(request: HttpRequest, slug: str, number: int, body: SnoozeIn) -> IncidentOut:
    """Pages wait, then start anew; nobody counts as being on it."""
    minutes = min(max(body.minutes, 0), 10_000)
    return _move(
        slug, number, lambda found: moves.snooze(found, actor(request), timezone.now(), timedelta(minutes=minutes))
    )


@router.post("/projects/{slug}/incidents/{int:number}/mitigation", response=IncidentOut, auth=WRITE, summary="Mitigate")
def mitigate(request: HttpRequest, slug: str, number: int) -> IncidentOut:
    """Users are served again."""
    return _move(slug, number, lambda found: moves.mitigate(found, actor(request), timezone.now()))


@router.post("/projects/{slug}/incidents/{int:number}/notes", response=IncidentOut, auth=WRITE, summary="Write a note")
def note(request: HttpRequest, slug: str, number: int, body: NoteIn) -> IncidentOut:
    """Write a line into the timeline."""
    return _move(slug, number, lambda found: moves.note(found, actor(request), timezone.now(), body.text))


@router.post("/projects/{slug}/incidents/{int:number}/resolution", response=IncidentOut, auth=WRITE, summary="Resolve")
def resolve(request: HttpRequest, slug: str, number: int, body: ResolutionIn) -> IncidentOut:
    """Close it."""
    return _move(
        slug,
        number,
        lambda found: moves.resolve(
            found,
            actor(request),
            timezone.now(),
            cause=body.cause,
            release=body.release,
            no_fix_reason=body.none_needed,
        ),
    )


@router.post("/projects/{slug}/incidents/{int:number}/reopening", response=IncidentOut, auth=WRITE, summary="Reopen")
def reopen(request: HttpRequest, slug: str, number: int) -> IncidentOut:
    """It is not over after all."""
    return _move(slug, number, lambda found: moves.reopen(found, actor(request), timezone.now()))


@router.post(
    "/projects/{slug}/incidents/{int:number}/escalation", response=IncidentOut, auth=WRITE, summary="Raise to critical"
)
def escalate(request: HttpRequest, slug: str, number: int) -> IncidentOut:
    """Make a warning critical: whoever is on call is paged. One that is critical stays so."""
    by = actor(request)
    words = f"Raised to critical by {by}"
    return _move(slug, number, lambda found: moves.raise_severity(found, Severity.CRITICAL, timezone.now(), by, words))


@router.get("/projects/{slug}/incidents/{int:number}/impact", response=ImpactOut, auth=READ, summary="What it costs")
def measure(request: HttpRequest, slug: str, number: int) -> impact.Impact:
    """Requests failed, customers hit, money per hour; 503 while the telemetry store is away."""
    return impact.measure(_find(slug, number), timezone.now())


@router.get(
    "/projects/{slug}/incidents/{int:number}/ways-out", response=list[WayOutOut], auth=READ, summary="List ways out"
)
def ways_out(request: HttpRequest, slug: str, number: int) -> list[WayOutOut]:
    """What could end it now: roll back, switch a flag off, start a hotfix. None once it is over."""
    found = _find(slug, number)
    offers = actions.offers(found) if found.is_open else []
    return [WayOutOut(name=name, key=one.key, label=one.label, effect=one.effect) for name, one in offers]


@router.post(
    "/projects/{slug}/incidents/{int:number}/ways-out/{name}",
    response=IncidentOut,
    auth=WRITE,
    summary="Take a way out",
)
def take_way_out(request: HttpRequest, slug: str, number: int, name: str, body: WayOutIn) -> IncidentOut:
    """Do it; it stands in the timeline and the audit trail. 409 when it does not work.

    The token must be able to do the same without an incident too: releases:write to roll back, flags:write to switch a
    flag off, pipelines:write to start a hotfix.
    """
    found = _find(slug, number)
    if way := actions.way_out(name):
        demand(request.auth, way.scope)  # type: ignore[attr-defined]
    try:
        actions.take(found, name, body.key, actor(request))
    except actions.ActionError as error:
        raise HttpError(CONFLICT, str(error)) from error
    return IncidentOut.of(_find(slug, number))


@router.put(
    "/projects/{slug}/incidents/{int:number}/roles/{duty}", response=IncidentOut, auth=WRITE, summary="Give a role"
)
def assign(request: HttpRequest, slug: str, number: int, duty: Duty, body: RoleIn) -> IncidentOut:
    """Make somebody commander, communications or operations."""
    who = body.who.strip()[:254]
    return _move(slug, number, lambda found: moves.assign(found, duty, who, actor(request), timezone.now()))


def _find(slug: str, number: int) -> Incident:
    return get_object_or_404(Incident.objects.select_related("project"), project__slug=slug, number=number)


def _move(slug: str, number: int, move: Callable[[Incident], Any]) -> IncidentOut:
    """Do it, or answer 409 with the reason why it cannot be done now."""
    found = _find(slug, number)
    try:
        move(found)
    except IllegalTransition as error:
        raise HttpError(CONFLICT, str(error)) from error
    return IncidentOut.of(_find(slug, number))
