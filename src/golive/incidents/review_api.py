"""Post-mortems and the month in figures over HTTP."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.incidents import history, proofs, reviews
from golive.incidents.models import Incident, Review
from golive.incidents.postmortem import content, markdown
from golive.incidents.report import Report
from golive.incidents.report import month as month_of
from golive.people.models import Project
from golive.people.tokens import actor, scope

router = Router()
READ, WRITE = scope("incidents:read"), scope("incidents:write")
CONFLICT = 409


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


class ObjectiveOut(Schema):
    """A declared objective over the month; `left` is the share of its error budget, below 0 when overspent."""

    name: str
    promised: float
    requests: int
    bad: int
    left: float | None
    reason: str


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
    objectives: list[ObjectiveOut]

    @classmethod
    def of(cls, found: Report) -> "ReportOut":
        counts = ("incidents", "critical", "clocks_met", "clocks_missed", "reviews_due", "reviews_done", "pages")
        return cls(
            **{name: getattr(found, name) for name in counts},
            mttd_seconds=_seconds(found.mttd),
            mtta_seconds=_seconds(found.mtta),
            mttr_seconds=_seconds(found.mttr),
            load=[PersonLoadOut(**(asdict(one) | {"by_hour": list(one.by_hour)})) for one in found.load],
            noise=[NoiseOut(**asdict(one)) for one in found.noise],
            objectives=[ObjectiveOut(**asdict(one)) for one in found.objectives],
        )


def _seconds(mean: timedelta | None) -> float | None:
    return mean.total_seconds() if mean is not None else None


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
