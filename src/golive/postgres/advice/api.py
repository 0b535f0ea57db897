"""Advice over HTTP: the newest run, and a new one on request."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.jobs.queue import enqueue
from golive.people import audit
from golive.people.models import Project
from golive.people.tokens import actor, scope
from golive.postgres.advice.models import AdviceRun
from golive.postgres.base import Database

router = Router()


class AdviceOut(Schema):
    """One change. Times are of all recorded calls, in milliseconds."""

    kind: str
    name: str
    table: str
    statement: str
    undo: str
    reason: str
    stage: str
    size_bytes: int
    predicted_ratio: float | None
    proved_before_ms: float | None
    proved_after_ms: float | None
    seen_before_ms: float | None
    seen_after_ms: float | None


class AdviceRunOut(Schema):
    """A run with its changes and what it found about each statement."""

    id: int
    at: datetime
    by: str
    proved: bool
    cost_before: float
    cost_after: float
    gap: float | None
    note: str
    changes: list[AdviceOut]
    findings: list[dict[str, Any]]


class AskedOut(Schema):
    """The job that will answer."""

    job: int


@router.get(
    "/projects/{slug}/database/advice", response=AdviceRunOut, auth=scope("database:read"), summary="Database advice"
)
def advice(request: HttpRequest, slug: str) -> AdviceRunOut:
    """The newest run."""
    project = get_object_or_404(Project, slug=slug)
    run = AdviceRun.objects.filter(database__project=project).first()
    if run is None:
        raise HttpError(404, "nobody has asked for advice yet: POST to this address")
    fields = ("id", "at", "by", "proved", "cost_before", "cost_after", "gap", "note", "findings")
    changes = [AdviceOut.from_orm(one) for one in run.advices.all()]
    return AdviceRunOut(**{name: getattr(run, name) for name in fields}, changes=changes)


@router.post(
    "/projects/{slug}/database/advice",
    response={202: AskedOut},
    auth=scope("database:write"),
    summary="Ask for database advice",
)
def ask(request: HttpRequest, slug: str) -> Status[AskedOut]:
    """Put a run into the queue."""
    project = get_object_or_404(Project, slug=slug)
    database = Database.objects.filter(project=project).first()
    if database is None:
        raise HttpError(409, "there is no [database] in golive.toml yet")
    by = actor(request)
    payload = {"database": database.pk, "by": by}
    job = enqueue("database.advise", payload, now=timezone.now(), subject=slug, requested_by=by)
    audit.record(by, "database.advise", slug, project=project)
    return Status(202, AskedOut(job=job.pk))
