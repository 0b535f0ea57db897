"""Incidents over HTTP: everything that the console can do. An action is a noun that is posted."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.alerts.models import Severity
from golive.incidents import history, moves, proofs, reviews, view
from golive.incidents.lifecycle import IllegalTransition, State
from golive.incidents.models import Duty, Incident, Review
from golive.incidents.postmortem import content, markdown
from golive.incidents.report import Report
from golive.incidents.report import month as month_of
from golive.people.models import Project
from golive.people.tokens import actor, scope

router = Router()
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


class ActionIn(Schema):
    """What changes: owner's address, date, and check:NAME, rule:NAME or an issue's address that proves it."""

    text: str
    owner: str
    due: date
    proof: str = ""


class ActionOut(Schema):
    """An action item and how its proof stands."""

    id: int
    text: str
    owner: str
    due: date
    done_at: datetime | None
    proof: str
    standing: str


class ReviewIn(Schema):
    """Parts of the review that are written; those left out stay."""

    summary: str | None = None
    happened: str | None = None
    why: str | None = None
    went_well: str | None = None
    went_badly: str | None = None
    lucky: str | None = None
    nothing_to_do: str | None = None


class ReviewOut(Schema):
    """A post-mortem: its words, frozen numbers, actions, and what it still lacks."""

    summary: str
    happened: str
    why: str
    went_well: str
    went_badly: str
    lucky: str
    nothing_to_do: str
    impact: dict[str, Any]
    actions: list[ActionOut]
    lacking: str
    reviewed_at: datetime | None
    markdown: str


class ProofIn(Schema):
    """What proves it; the one written down when left out."""

    proof: str = ""


class RoleIn(Schema):
    """Who has a role; nobody when empty."""

    who: str = ""


class PersonLoadOut(Schema):
    """Pages to a person; `by_hour` are the 24 hours of their day."""

    who: str
    pages: int
    at_night: int
    by_hour: list[int]


class NoiseOut(Schema):
    """How often a condition fired, and how often nobody had to act."""

    source: str
    fired: int
    for_nothing: int


class ReportOut(Schema):
    """A month in figures; means in seconds over critical incidents, null without any."""

    incidents: int
    critical: int
    mttd_seconds: float | None
    mtta_seconds: float | None
    mttr_seconds: float | None
    clocks_met: int
    clocks_missed: int
    reviews_due: int
    reviews_done: int
    pages: int
    load: list[PersonLoadOut]
    noise: list[NoiseOut]

    @classmethod
    def of(cls, found: Report) -> "ReportOut":
        means = {name: getattr(found, name) for name in ("mttd", "mtta", "mttr")}
        counts = ("incidents", "critical", "clocks_met", "clocks_missed", "reviews_due", "reviews_done", "pages")
        return cls(
            **{name: getattr(found, name) for name in counts},
            **{f"{name}_seconds": mean.total_seconds() if mean is not None else None for name, mean in means.items()},
            load=[PersonLoadOut(**(asdict(one) | {"by_hour": list(one.by_hour)})) for one in found.load],
            noise=[NoiseOut(**asdict(one)) for one in found.noise],
        )


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


@router.put(
    "/projects/{slug}/incidents/{int:number}/roles/{duty}", response=IncidentOut, auth=WRITE, summary="Give a role"
)
def assign(request: HttpRequest, slug: str, number: int, duty: Duty, body: RoleIn) -> IncidentOut:
    """Make somebody commander, communications or operations."""
    who = body.who.strip()[:254]
    return _move(slug, number, lambda found: moves.assign(found, duty, who, actor(request), timezone.now()))


@router.get("/projects/{slug}/incidents/{int:number}/review", response=ReviewOut, auth=READ, summary="The post-mortem")
def review(request: HttpRequest, slug: str, number: int) -> ReviewOut:
    """Its words and numbers, and all of it as Markdown."""
    return _review_out(reviews.of(_find(slug, number)))


@router.patch("/projects/{slug}/incidents/{int:number}/review", response=ReviewOut, auth=WRITE, summary="Write it")
def write_review(request: HttpRequest, slug: str, number: int, body: ReviewIn) -> ReviewOut:
    """Write parts of the review."""
    found = reviews.of(_find(slug, number))
    given = {name: text for name, text in body.model_dump().items() if text is not None}
    reviews.write(found, given, actor(request), timezone.now())
    return _review_out(found)


@router.post(
    "/projects/{slug}/incidents/{int:number}/review/actions",
    response={201: ReviewOut},
    auth=WRITE,
    summary="Add an action item",
)
def add_action(request: HttpRequest, slug: str, number: int, body: ActionIn) -> Status[ReviewOut]:
    """Write down what changes, by whom, until when."""
    found = reviews.of(_find(slug, number))
    try:
        reviews.add_action(found, body.text, body.owner, body.due, body.proof, actor(request))
    except reviews.ReviewError as error:
        raise HttpError(422, str(error)) from error
    return Status(201, _review_out(found))


@router.post(
    "/projects/{slug}/incidents/{int:number}/review/actions/{int:pk}/completion",
    response=ReviewOut,
    auth=WRITE,
    summary="An action item is done",
)
def finish_action(request: HttpRequest, slug: str, number: int, pk: int, body: ProofIn) -> ReviewOut:
    """Done, with what proves it."""
    found = reviews.of(_find(slug, number))
    try:
        reviews.finish(get_object_or_404(found.actions, pk=pk), body.proof, actor(request), timezone.now())
    except reviews.ReviewError as error:
        raise HttpError(CONFLICT, str(error)) from error
    return _review_out(found)


@router.post(
    "/projects/{slug}/incidents/{int:number}/review/completion", response=ReviewOut, auth=WRITE, summary="Reviewed"
)
def complete_review(request: HttpRequest, slug: str, number: int) -> ReviewOut:
    """The post-mortem is done: the incident counts as reviewed."""
    found = reviews.of(_find(slug, number))
    try:
        reviews.complete(found, actor(request), timezone.now())
    except reviews.ReviewError as error:
        raise HttpError(CONFLICT, str(error)) from error
    return _review_out(reviews.of(_find(slug, number)))


@router.get("/projects/{slug}/incident-reports/{month}", response=ReportOut, auth=READ, summary="A month in figures")
def month_report(request: HttpRequest, slug: str, month: str) -> ReportOut:
    """Mean times, clocks, pages per person and hour, noisy conditions of a month such as 2026-11."""
    project, now = get_object_or_404(Project, slug=slug), timezone.now()
    try:
        since, until = month_of(month, now)
    except ValueError as error:
        raise HttpError(422, str(error)) from error
    return ReportOut.of(history.of_month(project, since, until, now))


def _review_out(found: Review) -> ReviewOut:
    incident = found.incident
    document = content.compose(incident, timezone.now())
    return ReviewOut(
        **{name: getattr(found, name) for name in (*content.PROMPTS, "nothing_to_do")},
        impact=found.impact,
        actions=[
            ActionOut(
                id=item.pk,
                text=item.text,
                owner=item.owner,
                due=item.due,
                done_at=item.done_at,
                proof=item.proof,
                standing=proofs.judge(found, item.proof).state,
            )
            for item in found.actions.all()
        ],
        lacking=reviews.lacking(found),
        reviewed_at=incident.reviewed_at,
        markdown=markdown.render(document, f"{incident.url}review/chart-{{name}}.svg"),
    )


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
