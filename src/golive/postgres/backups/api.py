"""Backups over HTTP: how they stand, what drills proved, and a drill on request."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.people.tokens import actor, scope
from golive.postgres.backups.asked import ask_for_drill
from golive.postgres.backups.setup import exported, plan_of
from golive.postgres.door import database_at

router = Router()


class BackupOut(Schema):
    """One backup."""

    label: str
    kind: str
    scheduled: bool
    began_at: datetime
    ended_at: datetime | None
    ok: bool | None
    reason: str
    size_bytes: int | None


class DrillOut(Schema):
    """One restore to a scratch server: what it proved, how long it took (RTO), how much would be lost (RPO)."""

    began_at: datetime
    target_at: datetime | None
    ok: bool | None
    reason: str
    proofs: list[dict[str, Any]]
    phases: dict[str, float]
    rto_seconds: float | None
    rpo_seconds: float | None


class BackupsOut(Schema):
    """Newest first."""

    enabled: bool
    passphrase_exported: bool
    backups: list[BackupOut]
    drills: list[DrillOut]


class DrillAskedOut(Schema):
    """The job that runs it."""

    job: int


@router.get(
    "/projects/{slug}/database/backups", response=BackupsOut, auth=scope("database:read"), summary="Backups and drills"
)
def backups(request: HttpRequest, slug: str) -> BackupsOut:
    """The newest thirty backups and ten drills."""
    database = database_at(slug)
    return BackupsOut(
        enabled=plan_of(database).enabled,
        passphrase_exported=exported(database),
        backups=[BackupOut.from_orm(one) for one in database.backups.all()[:30]],
        drills=[DrillOut.from_orm(one) for one in database.drills.all()[:10]],
    )


@router.post(
    "/projects/{slug}/database/backups/drills",
    response={202: DrillAskedOut},
    auth=scope("database:write"),
    summary="Restore the newest backup to a scratch server",
)
def drill(request: HttpRequest, slug: str) -> Status[DrillAskedOut]:
    """Queue a drill."""
    database = database_at(slug)
    if not plan_of(database).enabled:
        raise HttpError(409, "golive.toml has no [database.backup] enabled = true")
    job = ask_for_drill(database, actor(request))
    if job is None:
        raise HttpError(409, "a backup or drill is at work already")
    return Status(202, DrillAskedOut(job=job.pk))
