"""Runs over HTTP: everything that the console can do."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from golive.people import audit
from golive.people.models import Project
from golive.people.tokens import actor, scope
from golive.pipelines import engine, flaky, logs, view
from golive.pipelines.models import FlakyTest, LoadTest, Run, RunStep

router = Router()
READ, WRITE = scope("pipelines:read"), scope("pipelines:write")
CONFLICT = 409


class RunOut(Schema):
    """A run. `data` is what its stages told, such as `preview_url` and `release`."""

    number: int
    trigger: str
    ref: str
    commit: str
    tree: str
    title: str
    author: str
    pull_request: str
    fork: bool
    state: str
    reason: str
    requested_by: str
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    data: dict[str, Any]


class StepOut(Schema):
    """A step; times in seconds, `began` from the run's beginning."""

    name: str
    stage: str
    state: str
    reason: str
    began: float
    seconds: float
    overhead_seconds: float
    budget_seconds: float
    key: str
    key_reason: str
    cached_from: str
    saved_seconds: float
    attempts: int
    tests_all: int
    tests_passed: int
    slowest: list[tuple[str, float]]
    flaky: list[str]
    excused: list[str]
    artifacts: list[str]
    coverage: float | None
    blame: str = ""


class RunDetailOut(RunOut):
    """A run with its steps and its first sentence."""

    headline: str
    steps: list[StepOut]


class LineOut(Schema):
    """A line of a log; seconds since the step began."""

    seconds: float
    text: str


class FlakyOut(Schema):
    """A flaky test; in quarantine until `until` when it has an owner."""

    name: str
    step: str
    times: int
    first_seen_at: datetime
    last_seen_at: datetime
    last_run: int
    owner: str
    reason: str
    until: datetime | None


class QuarantineIn(Schema):
    """A quarantine: somebody answers for it, and it ends."""

    name: str = Field(min_length=1, max_length=400)
    owner: str = Field(max_length=200)
    reason: str = Field(max_length=500)
    days: int = Field(ge=1, le=30)


@router.get("/projects/{slug}/runs", response=list[RunOut], auth=READ, summary="List runs")
def runs(request: HttpRequest, slug: str, limit: int = 50, branch: str = "") -> list[Run]:
    """Newest first, at most 200."""
    found = Run.objects.filter(project=_project(slug))
    if branch:
        found = found.filter(ref=f"refs/heads/{branch}")
    return list(found[: max(1, min(limit, 200))])


@router.get("/projects/{slug}/runs/{int:number}", response=RunDetailOut, auth=READ, summary="One run")
def run(request: HttpRequest, slug: str, number: int) -> RunDetailOut:
    found = _run(slug, number)
    steps = []
    for row in view.rows(found):
        plain = {name: getattr(row.step, name) for name in StepOut.model_fields if name != "blame"}
        steps.append(StepOut(**plain, blame=row.blame))
    about = {name: getattr(found, name) for name in RunOut.model_fields}
    return RunDetailOut(**about, headline=view.headline(found), steps=steps)


@router.get("/projects/{slug}/runs/{int:number}/log", response=list[LineOut], auth=READ, summary="A step's log")
def log(request: HttpRequest, slug: str, number: int, step: str, after: int = 0) -> list[LineOut]:
    """Its lines from the `after`-th on, at most 5000."""
    found = _run(slug, number)
    row = get_object_or_404(RunStep, run=found, name=step)
    said = list(logs.lines(logs.folder(slug, number) / f"{row.name}.log"))
    return [LineOut(seconds=seconds, text=text) for seconds, text in said[max(0, after) : max(0, after) + 5000]]


@router.post("/projects/{slug}/runs/{int:number}/cancellation", response=RunOut, auth=WRITE, summary="Stop a run")
def cancel(request: HttpRequest, slug: str, number: int) -> Run:
    found, by = _run(slug, number), actor(request)
    if not engine.cancel(found, f"cancelled by {by}"):
        raise HttpError(CONFLICT, f"#{number} is over: it {found.state}.")
    audit.record(by, "run.cancel", f"#{number}", project=found.project)
    found.refresh_from_db()
    return found


@router.post("/projects/{slug}/runs/{int:number}/repetition", response={201: RunOut}, auth=WRITE, summary="Run again")
def again(request: HttpRequest, slug: str, number: int) -> Status[Run]:
    found, by = _run(slug, number), actor(request)
    made = engine.again(found, by)
    audit.record(by, "run.again", f"#{number}", project=found.project, run=made.number)
    return Status(201, made)


@router.get("/projects/{slug}/flaky-tests", response=list[FlakyOut], auth=READ, summary="List flaky tests")
def flaky_tests(request: HttpRequest, slug: str) -> list[FlakyTest]:
    return list(FlakyTest.objects.filter(project=_project(slug))[:500])


@router.post("/projects/{slug}/quarantines", response={201: FlakyOut}, auth=WRITE, summary="Quarantine a test")
def quarantine(request: HttpRequest, slug: str, wanted: QuarantineIn) -> Status[FlakyTest]:
    now = timezone.now()
    until = now + timedelta(days=wanted.days)
    keep = {"owner": wanted.owner, "reason": wanted.reason}
    try:
        made = flaky.quarantine(_project(slug), wanted.name, until=until, now=now, actor=actor(request), **keep)
    except flaky.QuarantineError as error:
        raise HttpError(422, str(error)) from None
    return Status(201, made)


def _project(slug: str) -> Project:
    return get_object_or_404(Project, slug=slug)


def _run(slug: str, number: int) -> Run:
    return get_object_or_404(Run.objects.select_related("project"), project__slug=slug, number=number)


class LoadTestOut(Schema):
    """A load test: each level's users with what was measured; times in milliseconds."""

    id: int
    host: str
    environment: str
    release: str
    requested_by: str
    began_at: datetime
    ended_at: datetime
    p95_ms: float
    errors: float
    levels: list[dict[str, Any]]
    verdict: str
    sentence: str
    held: int
    broke: int | None
    cause: str
    cause_reason: str


@router.get("/projects/{slug}/load-tests", response=list[LoadTestOut], auth=READ, summary="List load tests")
def load_tests(request: HttpRequest, slug: str, limit: int = 50) -> list[LoadTest]:
    """Newest first, at most 200."""
    return list(LoadTest.objects.filter(project=_project(slug))[: max(1, min(limit, 200))])
