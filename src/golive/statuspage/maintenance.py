"""Scheduled maintenance: announced, begun and ended at its times, or by hand."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from golive.people import audit
from golive.people.models import Project
from golive.statuspage import subscribers
from golive.statuspage.models import Component, Maintenance, MaintenanceUpdate, Stage

ORDER = list(Stage)
BODIES = {
    Stage.IN_PROGRESS: "The maintenance has begun.",
    Stage.VERIFYING: "The work is done; we are checking that everything is well.",
    Stage.COMPLETED: "The maintenance is complete.",
}


class MaintenanceError(Exception):
    """It cannot be so; the message says why."""


def due_stage(stage: Stage, starts_at: datetime, ends_at: datetime, now: datetime) -> Stage | None:
    """The stage that the clock asks for; None while it stands as it should."""
    wanted = Stage.COMPLETED if now >= ends_at else Stage.IN_PROGRESS if now >= starts_at else Stage.SCHEDULED
    return wanted if ORDER.index(wanted) > ORDER.index(stage) else None


def schedule(
    project: Project,
    title: str,
    body: str,
    starts_at: datetime,
    ends_at: datetime,
    codes: Sequence[str],
    by: str,
    at: datetime,
) -> Maintenance:
    """Announce one. Raises MaintenanceError."""
    if not title.strip() or not body.strip():
        raise MaintenanceError("Say what will be done, and what customers will notice.")
    if not max(starts_at, at) < ends_at:
        raise MaintenanceError("It ends after it starts, and in the future.")
    known = {component.code for component in Component.objects.filter(project=project)}
    with transaction.atomic():
        made = Maintenance.objects.create(
            project=project,
            title=title.strip()[:200],
            starts_at=starts_at,
            ends_at=ends_at,
            components=[code for code in codes if code in known],
            created_at=at,
            created_by=by,
        )
        _say(made, Stage.SCHEDULED, body.strip(), by, at)
        audit.record(by, "maintenance.schedule", made.title, project=project, starts_at=starts_at.isoformat())
    return made


def move(work: Maintenance, stage: Stage, body: str, by: str, at: datetime) -> None:
    """Tell of a stage: by hand, or because it is time. Raises MaintenanceError."""
    with transaction.atomic():
        work = Maintenance.objects.select_for_update().select_related("project").get(pk=work.pk)
        if work.stage == Stage.COMPLETED:
            raise MaintenanceError("This maintenance is complete.")
        if ORDER.index(stage) < ORDER.index(Stage(work.stage)):
            raise MaintenanceError(f"It is {work.get_stage_display().lower()} already.")
        work.stage = stage
        work.save(update_fields=["stage"])
        _say(work, stage, body.strip() or BODIES.get(stage, "It is scheduled."), by, at)
        if by != "golive":
            audit.record(by, f"maintenance.{stage.value}", work.title, project=work.project)


def run_due(now: datetime) -> int:
    """Begin and end what is due."""
    live = Maintenance.objects.exclude(stage=Stage.COMPLETED).filter(starts_at__lte=now)
    count = 0
    for work in live:
        if stage := due_stage(Stage(work.stage), work.starts_at, work.ends_at, now):
            move(work, stage, "", "golive", now)
            count += 1
    return count


def under_way(project: Project) -> set[str]:
    """Codes of the components that are being worked on."""
    live = Maintenance.objects.filter(project=project, stage__in=(Stage.IN_PROGRESS, Stage.VERIFYING))
    return {code for codes in live.values_list("components", flat=True) for code in codes}


def _say(work: Maintenance, stage: Stage, body: str, by: str, at: datetime) -> None:
    update = MaintenanceUpdate.objects.create(maintenance=work, stage=stage, body=body, by=by, at=at)
    subscribers.tell_maintenance(update)
