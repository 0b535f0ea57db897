"""Read replicas over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from golive.people.tokens import scope
from golive.postgres.door import database_at
from golive.postgres.replicas.standing import standing

router = Router()


class ReplicaOut(Schema):
    """A declared replica's own word."""

    place: str
    state: str
    ok: bool


class MovableOut(Schema):
    """The share of the load that plain reads are; `gain` is by the number of replicas."""

    share: float
    total_ms: float
    statements: int
    gain: dict[str, float]
    reason: str


class ReplicasOut(Schema):
    """Replicas as last seen."""

    sentence: str
    at: datetime | None
    links: list[dict[str, Any]]
    replicas: list[ReplicaOut]
    movable: MovableOut | None
    trouble: str


@router.get(
    "/projects/{slug}/database/replicas", response=ReplicasOut, auth=scope("database:read"), summary="Read replicas"
)
def replicas(request: HttpRequest, slug: str) -> dict[str, Any]:
    """How the replicas follow, and what share of the load they could take over."""
    return standing(database_at(slug), timezone.now())
