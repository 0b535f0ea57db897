"""A drill asked for by a person or a token: once at a time."""

from django.utils import timezone

from golive.jobs import queue
from golive.jobs.models import Job
from golive.people import audit
from golive.postgres.backups.tasks import BACKUP, DRILL
from golive.postgres.base import Database


def at_work(database: Database) -> Job | None:
    """The backup or drill that waits or runs."""
    return queue.at_work(f"database:{database.pk}", BACKUP, DRILL)


def ask_for_drill(database: Database, by: str) -> Job | None:
    """Queue a drill now; None while a backup or drill is at work."""
    if at_work(database) is not None:
        return None
    subject = f"database:{database.pk}"
    job = queue.enqueue(DRILL, {"database": database.pk}, now=timezone.now(), subject=subject, requested_by=by)
    audit.record(by, "database.drill", subject, project=database.project)
    return job
