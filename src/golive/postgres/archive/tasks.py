"""Archives by schedule: due ones go into the queue; a run that fails is tried again and seen on the page."""

import logging
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.utils import timezone

from golive.jobs import queue
from golive.jobs.kinds import JobError, Kind, Work, register
from golive.jobs.models import Job, State
from golive.kit.periodic import Periodic, Process
from golive.people import audit
from golive.postgres.archive.declared import is_due, plans_of
from golive.postgres.base import Database
from golive.postgres.choice import admin_url_of
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble

log = logging.getLogger(__name__)
ARCHIVE = "database archive"


def subject_of(database: Database, name: str) -> str:
    """What a run is about, for the queue."""
    return f"archive:{database.pk}:{name}"[:200]


def archive(work: Work) -> dict[str, Any]:
    """Move what is old enough. Killed anywhere, the next run goes on."""
    database = Database.objects.select_related("project").get(pk=work.payload["database"])
    name = str(work.payload["name"])
    plan = plans_of(database).get(name)
    if plan is None:
        raise JobError(f"golive.toml declares no [database.archive.{name}] any more")
    # Loaded by the job alone: Arrow weighs more than the process that only asks what is due.
    cold, move = import_module("golive.postgres.archive.cold"), import_module("golive.postgres.archive.move")
    try:
        place = cold.open_cold(plan, name)
        with session(admin_url_of(database), read_only=False, statement_timeout=timedelta()) as connection:
            mover = move.Mover(connection, name, plan, place, lambda text: work.progress(None, text))
            moved = mover.run(timezone.now())
    except DatabaseTrouble as error:
        raise JobError(str(error)) from error
    if moved.rows:
        details = {"rows": moved.rows, "files": moved.files}
        audit.record("golive", "database.archive", name, project=database.project, **details)
    return dict(moved.__dict__)


register(Kind(ARCHIVE, archive, timeout=timedelta(hours=24), max_attempts=1))


def ask(database: Database, name: str, by: str = "golive") -> Job | None:
    """Queue a run; None while one is at work."""
    subject = subject_of(database, name)
    if queue.at_work(subject, ARCHIVE) is not None:
        return None
    audit.record(by, "database.archive.asked", name, project=database.project)
    payload = {"database": database.pk, "name": name}
    return queue.enqueue(ARCHIVE, payload, now=timezone.now(), subject=subject, requested_by=by)


def schedule() -> None:
    """Queue the archives that are due."""
    now = timezone.now()
    for database in Database.objects.select_related("project"):
        for name, plan in plans_of(database).items():
            last = Job.objects.filter(kind=ARCHIVE, subject=subject_of(database, name)).order_by("-id").first()
            failed = last is not None and last.state == State.FAILED
            due, reason = is_due(plan.every, last.created_at if last else None, failed, now)
            if due and ask(database, name):
                log.info("%s: archive %s is queued: %s", database.project.slug, name, reason)


PERIODIC = [Periodic("database archives due", timedelta(minutes=5), schedule, Process.JOBS)]
