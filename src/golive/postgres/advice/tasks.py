"""Advice in the jobs process: on request, and what became of what was advised."""

import logging
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any

from django.utils import timezone

from golive.jobs import queue
from golive.jobs.kinds import Kind, Work, register
from golive.jobs.models import Job
from golive.kit.periodic import Periodic, Process
from golive.people import audit
from golive.postgres.base import Database
from golive.postgres.look.plan import ReviewPlan
from golive.postgres.look.week import next_review
from golive.postgres.trouble import DatabaseTrouble

log = logging.getLogger(__name__)


def _keep() -> Any:
    """The advisor, loaded when it is needed: its parser and solver weigh 30 MB, and every process reads this file."""
    return import_module("golive.postgres.advice.keep")


def follow_all() -> None:
    """See whether advised indexes are in production, and what they brought."""
    for database in Database.objects.select_related("project"):
        try:
            _keep().follow(database, timezone.now())
        except DatabaseTrouble as error:
            log.warning("%s: %s", database.project.slug, error)


def due(last: datetime | None, review: date | None, now: datetime) -> bool:
    """Whether to ask before the coming review (`review`, its day): within a day of it, once."""
    if review is None or not 0 <= (review - now.date()).days <= 1:
        return False
    return last is None or now - last > timedelta(days=5)


def before_reviews() -> None:
    """Ask for advice before each week's review, where a clone is named to prove it on."""
    now = timezone.now()
    for database in Database.objects.select_related("project"):
        topic = database.topic("advice")
        coming = next_review(ReviewPlan.model_validate(database.topic("review")), now)
        last = database.advice_runs.first()
        if topic.get("clone") and due(last.at if last else None, coming, now):
            ask(database, "golive")


def at_work(database: Database) -> Job | None:
    """The run that waits or is under way."""
    return queue.at_work(database.project.slug, ADVISE.name)


def ask(database: Database, by: str) -> Job | None:
    """Queue a run; None while one is at work."""
    if at_work(database) is not None:
        return None
    payload, slug = {"database": database.pk, "by": by}, database.project.slug
    job = queue.enqueue(ADVISE.name, payload, now=timezone.now(), subject=slug, requested_by=by)
    audit.record(by, "database.advise", slug, project=database.project)
    return job


def advise(work: Work) -> dict[str, Any]:
    """Look at a project's database and keep what is advised."""
    database = Database.objects.select_related("project").get(pk=work.payload["database"])
    now = timezone.now()
    keep = _keep()
    report = keep.look(database, now, tell=lambda said: work.progress(None, said))
    run = keep.save(database, report, str(work.payload.get("by", "golive")), now)
    return {"run": run.pk}


ADVISE = register(Kind("database.advise", advise, timeout=timedelta(hours=6), max_attempts=2))
PERIODIC = [
    Periodic("database advice followed", timedelta(hours=1), follow_all, Process.JOBS),
    Periodic("database advice before reviews", timedelta(hours=1), before_reviews, Process.JOBS),
]
