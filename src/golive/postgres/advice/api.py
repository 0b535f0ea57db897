"""Advice over HTTP: the newest run, and a new one on request."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.people.tokens import actor, scope
from golive.postgres.advice import tasks
from golive.postgres.door import database_at

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
    run = database_at(slug).advice_runs.first()
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
    job = tasks.ask(database_at(slug), actor(request))
    if job is None:
        raise HttpError(409, "the advisor is at work already")
    return Status(202, AskedOut(job=job.pk))
