"""Backups and drills by schedule: due ones go into the queue, and how they stand is flipped."""

import logging
from datetime import timedelta
from typing import Any

from django.utils import timezone

from golive.alerts.models import State
from golive.jobs import queue
from golive.jobs.kinds import JobError, Kind, Work, register
from golive.kit.periodic import Periodic, Process
from golive.postgres import conditions
from golive.postgres.backups import due
from golive.postgres.backups.beat import beat, forget
from golive.postgres.backups.drill import drill
from golive.postgres.backups.hold import BackupBusy, settle
from golive.postgres.backups.models import Beat
from golive.postgres.backups.run import make_due, scheduled
from golive.postgres.backups.setup import is_set_up, plan_of, scratch_of
from golive.postgres.backups.tools import in_order
from golive.postgres.models import Database
from golive.postgres.trouble import DatabaseTrouble

log = logging.getLogger(__name__)
BACKUP, DRILL = "database backup", "database drill"


def _backup(work: Work) -> dict[str, Any]:
    database = Database.objects.select_related("project").get(pk=work.payload["database"])
    try:
        with in_order():
            made = make_due(database, timezone.now(), patient=False)
    except DatabaseTrouble as error:
        raise JobError(str(error)) from error
    return {"label": made.label, "bytes": made.size_bytes} if made else {"label": None, "bytes": 0}


def _drill(work: Work) -> dict[str, Any]:
    database = Database.objects.select_related("project").get(pk=work.payload["database"])
    try:
        with in_order():
            ran = drill(database, work.progress)
    except BackupBusy as error:
        raise JobError(str(error)) from error
    if not ran.ok:
        raise JobError(ran.reason)
    return {"rto_seconds": ran.rto_seconds, "rpo_seconds": ran.rpo_seconds, "proofs": len(ran.proofs)}


register(Kind(BACKUP, _backup, timeout=timedelta(hours=24), max_attempts=1))
register(Kind(DRILL, _drill, timeout=timedelta(hours=24), max_attempts=1))


def schedule() -> None:
    """Queue what is due, and settle how backups and drills stand."""
    now = timezone.now()
    for database in Database.objects.select_related("project"):
        plan = plan_of(database)
        if not plan.enabled:
            continue
        settle(database, scratch_of(database))
        link = f"/p/{database.project.slug}/database/backups/"
        past = scheduled(database)
        if not past and not is_set_up(database):
            conditions.settle(database, due.not_set_up(), now, link)
            continue
        drills = [due.Made(one.began_at, one.ok, one.reason) for one in database.drills.all()[:10]]
        since = past[-1].began_at if past else now
        tried_again = queue.at_work(f"database:{database.pk}", BACKUP, DRILL) is not None
        for judged in (
            due.judge_backups(past, plan.every, since, now),
            due.judge_drills(drills, plan.drill_every, now),
        ):
            # golive's own restart stops a run, which then is tried again: no reason to page yet
            if not (tried_again and judged.state == State.FIRING):
                conditions.settle(database, judged, now, link)
        if tried_again:
            continue
        if due.kind_due(past, plan.every, plan.full_every, now) is not None:
            _enqueue(BACKUP, database)
        elif due.drill_due(drills, plan.drill_every, any(one.ok for one in past), now):
            _enqueue(DRILL, database)


def _enqueue(kind: str, database: Database) -> None:
    queue.enqueue(kind, {"database": database.pk}, now=timezone.now(), subject=f"database:{database.pk}")


def beats() -> None:
    """Write the heartbeat of every database that is backed up or has replicas."""
    now = timezone.now()
    for database in Database.objects.select_related("project"):
        if plan_of(database).enabled or database.replicas:
            try:
                beat(database)
            except DatabaseTrouble as error:
                log.warning("%s: no heartbeat: %s", database.project.slug, error)
    if Beat.objects.count() > 1000 and now.minute == 0:
        forget(now)


PERIODIC = [
    Periodic("database backups due", timedelta(minutes=1), schedule, Process.JOBS),
    Periodic("database heartbeat", timedelta(minutes=1), beats, Process.JOBS),
]
