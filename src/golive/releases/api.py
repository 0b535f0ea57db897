"""Releases and deploys over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.people import audit
from golive.people.models import Project
from golive.people.tokens import actor, scope
from golive.releases import door, jobs, sites
from golive.releases.errors import ReleaseError
from golive.releases.models import Deploy, Environment, Release

router = Router()


class ReleaseOut(Schema):
    """A release; `notes` are its commits, newest first."""

    number: int
    name: str
    commit: str
    branch: str
    state: str
    problem: str
    size_bytes: int | None
    created_at: datetime
    created_by: str
    notes: list[dict[str, Any]]


class EnvironmentOut(Schema):
    """An environment and what serves there; `migrations` says whether a rollback is allowed."""

    name: str
    kind: str
    url: str
    live: str | None
    deploy: int | None
    back_to: str | None
    back_is_warm: bool
    migrations: str


class StepOut(Schema):
    """One step of a deploy."""

    name: str
    title: str
    does: str
    state: str
    started_at: datetime | None
    took_ms: float | None
    detail: str


class DeployOut(Schema):
    """A deploy as it stands, with its steps."""

    id: int
    environment: str
    release: str
    previous: str | None
    kind: str
    state: str
    by: str
    reason: str
    canary: int
    started_at: datetime
    switched_at: datetime | None
    finished_at: datetime | None
    availability: dict[str, Any]
    steps: list[StepOut]


class DeployIn(Schema):
    """What to deploy: a release by name, number or commit. `overrides` are gates with a reason each."""

    release: str
    environment: str = "production"
    canary: int = 0
    overrides: dict[str, str] = {}


class RollbackIn(Schema):
    """Where to roll back, and to which release; without one, to the one before."""

    environment: str = "production"
    release: str = ""
    reason: str = ""


class QueuedOut(Schema):
    """The job that carries it out."""

    job: int


def _deploy(found: Deploy) -> DeployOut:
    names = ("kind", "state", "by", "reason", "canary", "started_at", "switched_at", "finished_at", "availability")
    return DeployOut(
        id=found.pk,
        environment=found.environment.name,
        release=found.release.name,
        previous=found.previous.release.name if found.previous else None,
        steps=[StepOut.from_orm(step) for step in found.steps.all()],
        **{name: getattr(found, name) for name in names},
    )


@router.get("/projects/{slug}/releases", response=list[ReleaseOut], auth=scope("releases:read"), summary="Releases")
def releases(request: HttpRequest, slug: str) -> list[Release]:
    """The newest releases first, at most 50."""
    return door.releases_of(get_object_or_404(Project, slug=slug))


@router.get(
    "/projects/{slug}/environments", response=list[EnvironmentOut], auth=scope("releases:read"), summary="Environments"
)
def environments(request: HttpRequest, slug: str) -> list[EnvironmentOut]:
    """Environments with what serves there and the way back."""
    project = get_object_or_404(Project, slug=slug)
    found = Environment.objects.filter(project=project, closed_at=None).select_related("project", "live__release")
    return [_environment(one) for one in found]


def _environment(one: Environment) -> EnvironmentOut:
    way = door.way_back(one)
    return EnvironmentOut(
        name=one.name,
        kind=one.kind,
        url=sites.url(one),
        live=one.live.release.name if one.live else None,
        deploy=one.live_id,
        back_to=way.to.release.name if way else None,
        back_is_warm=way.warm if way else False,
        migrations=way.migrations if way else "unknown",
    )


@router.get("/projects/{slug}/deploys", response=list[DeployOut], auth=scope("releases:read"), summary="Deploys")
def deploys(request: HttpRequest, slug: str, environment: str = "", limit: int = 20) -> list[DeployOut]:
    """The newest deploys first, at most 100."""
    found = Deploy.objects.filter(environment__project=get_object_or_404(Project, slug=slug))
    if environment:
        found = found.filter(environment__name=environment)
    related = found.select_related("environment", "release", "previous__release").prefetch_related("steps")
    return [_deploy(one) for one in related[: max(1, min(limit, 100))]]


@router.get("/projects/{slug}/deploys/{number}", response=DeployOut, auth=scope("releases:read"), summary="One deploy")
def deploy(request: HttpRequest, slug: str, number: int) -> DeployOut:
    """One deploy with its steps."""
    return _deploy(get_object_or_404(Deploy, environment__project__slug=slug, pk=number))


@router.post(
    "/projects/{slug}/deploys", response={202: QueuedOut}, auth=scope("releases:write"), summary="Deploy a release"
)
def begin(request: HttpRequest, slug: str, body: DeployIn) -> Status[QueuedOut]:
    """Queue a deploy; its steps appear under deploys."""
    project = get_object_or_404(Project, slug=slug)
    if not 0 <= body.canary <= 95:
        raise HttpError(422, "canary is a percentage from 0 to 95")
    try:
        where = door.environment(project, body.environment)
        release = door.release_named(project, body.release)
    except ReleaseError as error:
        raise HttpError(422, str(error)) from error
    job = jobs.ask_deploy(release, where, actor(request), body.overrides, body.canary)
    audit.record(actor(request), "release.ask", release.name, project=project, environment=where.name)
    return Status(202, QueuedOut(job=job.pk))


@router.post("/projects/{slug}/rollbacks", response={202: QueuedOut}, auth=scope("releases:write"), summary="Roll back")
def roll_back(request: HttpRequest, slug: str, body: RollbackIn) -> Status[QueuedOut]:
    """Queue a rollback; refused when there is no way back or migrations forbid it."""
    project = get_object_or_404(Project, slug=slug)
    try:
        where = door.environment(project, body.environment)
        to = door.release_named(project, body.release) if body.release else None
    except ReleaseError as error:
        raise HttpError(422, str(error)) from error
    way = door.way_back(where, to)
    if way is None or way.migrations == "forbid":
        raise HttpError(409, way.reason if way else f"There is no earlier release of {where.name}.")
    job = jobs.ask_rollback(where, to, actor(request), body.reason)
    audit.record(actor(request), "rollback.ask", way.to.release.name, project=project, environment=where.name)
    return Status(202, QueuedOut(job=job.pk))
