"""Readiness over HTTP: how items stand, the evidence of one, and a run on request."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.people.models import Project
from golive.people.tokens import scope
from golive.readiness.items import ITEMS
from golive.readiness.models import Proof
from golive.readiness.records import Line
from golive.readiness.standing import lines
from golive.readiness.subjects import SubjectError
from golive.readiness.tasks import request as request_run

router = Router()


class ItemOut(Schema):
    """An item and how it stands. Unknown blocks as fail does; `next` is the command that changes it."""

    item: str
    area: str
    title: str
    verdict: str
    reason: str
    examined: int
    expected: int
    proved_at: datetime | None
    expires_at: datetime | None
    next: str


class RunOut(Schema):
    """A run that was asked for: its job's number."""

    job: int


class ProofOut(Schema):
    """The newest proof of an item with all evidence, and the hash that covers it and the proof before it."""

    item: str
    digest: str
    previous: str
    document: dict[str, Any]


def _out(one: Line) -> ItemOut:
    proof = one.proof
    return ItemOut(
        item=one.item.key,
        area=one.item.area.value,
        title=one.item.title,
        verdict=one.verdict.value,
        reason=one.reason,
        examined=proof.document["examined"] if proof else 0,
        expected=proof.document["expected"] if proof else 0,
        proved_at=proof.ended_at if proof else None,
        expires_at=proof.ended_at + one.item.lasts if proof else None,
        next=one.next,
    )


@router.get(
    "/projects/{slug}/readiness", response=list[ItemOut], auth=scope("readiness:read"), summary="List readiness items"
)
def items(request: HttpRequest, slug: str) -> list[ItemOut]:
    """All items, what blocks first."""
    project = get_object_or_404(Project, slug=slug)
    try:
        return [_out(one) for one in lines(project, timezone.now())]
    except SubjectError as error:
        raise HttpError(409, str(error)) from error


@router.get(
    "/projects/{slug}/readiness/{item}", response=ProofOut, auth=scope("readiness:read"), summary="Evidence of an item"
)
def evidence(request: HttpRequest, slug: str, item: str) -> ProofOut:
    """The newest proof; 404 while there is none."""
    project = get_object_or_404(Project, slug=slug)
    proof = Proof.objects.filter(project=project, item=item).order_by("-id").first()
    if proof is None:
        raise HttpError(404, f"{item} was never examined; POST to this address' /runs")
    return ProofOut(item=item, digest=proof.digest, previous=proof.previous, document=proof.document)


@router.post(
    "/projects/{slug}/readiness/{item}/runs",
    response={202: RunOut},
    auth=scope("readiness:write"),
    summary="Prove an item now",
)
def prove(request: HttpRequest, slug: str, item: str) -> Status[RunOut]:
    """Queue a run of one item, or of "all"."""
    project = get_object_or_404(Project, slug=slug)
    if item != "all" and item not in ITEMS:
        raise HttpError(404, f"there is no item {item!r}")
    job = request_run(project, list(ITEMS) if item == "all" else [item], timezone.now(), "api")
    return Status(202, RunOut(job=job.pk))
