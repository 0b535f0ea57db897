"""The pool over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from golive.people.tokens import scope
from golive.postgres.door import database_at
from golive.postgres.pool.standing import standing

router = Router()


class PoolOut(Schema):
    """One pool of PgBouncer: a database and a role."""

    database: str
    role: str
    state: str
    clients: int
    waiting: int
    in_use: int
    idle: int
    allowed: int
    share: float
    max_wait_seconds: float


class HabitOut(Schema):
    """Something the application does that transaction mode breaks."""

    what: str
    why: str
    way_out: str
    statement: str
    calls: float
    role: str


class PoolsOut(Schema):
    """The pools as last seen; `at` is null when none was ever seen."""

    enabled: bool
    address: str
    sentence: str
    at: datetime | None
    pools: list[PoolOut]
    habits: list[HabitOut]
    trouble: str


@router.get("/projects/{slug}/database/pool", response=PoolsOut, auth=scope("database:read"), summary="The pool")
def pool(request: HttpRequest, slug: str) -> dict[str, Any]:
    """How the connection pool stands, and what it would break."""
    return standing(database_at(slug), timezone.now())
