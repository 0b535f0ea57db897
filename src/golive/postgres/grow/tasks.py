"""What runs out first and whether a cache would pay, measured by a job on request; its result is the page."""

from dataclasses import asdict
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.utils import timezone

from golive.jobs import queue
from golive.jobs.kinds import JobError, Kind, Work, register
from golive.jobs.models import Job
from golive.people import audit
from golive.postgres.base import Database
from golive.postgres.cache import worth
from golive.postgres.grow.measure import measure
from golive.postgres.grow.model import loads, sentence, steps
from golive.postgres.trouble import DatabaseTrouble

GROW = "database grow"
WATCH = timedelta(seconds=60)
SHOWN = 30


def grow(work: Work) -> dict[str, Any]:
    """Watch the database for a while, then judge its reading statements."""
    database = Database.objects.select_related("project").get(pk=work.payload["database"])
    look = import_module("golive.postgres.cache.look").look  # loaded by the job alone: the SQL parser weighs much
    try:
        work.progress(None, f"watches for {WATCH.total_seconds():.0f} s")
        measured = measure(database, WATCH, timezone.now())
        work.progress(None, "judges what is read")
        judged, load = look(database)
    except DatabaseTrouble as error:
        raise JobError(str(error)) from error
    return {
        "sentence": sentence(measured),
        "loads": [asdict(one) for one in loads(measured)],
        "steps": [asdict(one) for one in steps(measured)],
        "cache": worth.headline(judged, load),
        "statements": [
            {
                "text": " ".join(one.read.text.split())[:300],
                "calls": one.read.calls,
                "mean_ms": one.read.mean_ms,
                "worth": one.worth.value,
                "reason": one.reason,
            }
            for one in sorted(judged, key=lambda one: -one.read.total_ms)[:SHOWN]
        ],
    }


register(Kind(GROW, grow, timeout=timedelta(minutes=20), max_attempts=1))


def newest(database: Database) -> Job | None:
    """The newest measurement, whatever became of it."""
    return Job.objects.filter(kind=GROW, subject=f"grow:{database.pk}").order_by("-id").first()


def ask(database: Database, by: str) -> Job | None:
    """Queue a measurement; None while one is at work."""
    subject = f"grow:{database.pk}"
    if queue.at_work(subject, GROW) is not None:
        return None
    audit.record(by, "database.grow", subject, project=database.project)
    return queue.enqueue(GROW, {"database": database.pk}, now=timezone.now(), subject=subject, requested_by=by)
