"""Looking again and again, in the jobs process: nothing here may keep the pager from paging."""

import logging
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

from django.utils import timezone

from golive.kit.periodic import Periodic, Process
from golive.postgres.look.collector import EVERY, Pace
from golive.postgres.look.plan import ReviewPlan
from golive.postgres.look.review import make
from golive.postgres.look.run import look, of_pace
from golive.postgres.look.week import week_due
from golive.postgres.models import Database
from golive.postgres.trouble import DatabaseTrouble

log = logging.getLogger(__name__)


def looking(pace: Pace) -> Callable[[], None]:
    """A function that asks every database the questions of a pace; one that is away keeps no other waiting."""

    def run() -> None:
        for database in Database.objects.select_related("project"):
            try:
                look(database, timezone.now(), of_pace(pace))
            except DatabaseTrouble as error:
                log.warning("%s: %s", database.project.slug, error)

    return run


def reviews() -> None:
    """Make the weekly reviews that are due."""
    now = timezone.now()
    for database in Database.objects.select_related("project"):
        last = database.reviews.first()
        week = week_due(ReviewPlan.model_validate(database.topic("review")), last.week if last else None, now)
        if week is not None:
            make(database, week, now)


def sample_plans() -> None:
    """Sample plans. Its parser is loaded when it is needed: it weighs 30 MB, and every process reads this file."""
    sampling = import_module("golive.postgres.look.sampling")
    for database in Database.objects.select_related("project"):
        try:
            sampling.sample(database, timezone.now())
        except DatabaseTrouble as error:
            log.warning("%s: %s", database.project.slug, error)


PERIODIC = [
    Periodic("database plans", timedelta(hours=1), sample_plans, Process.JOBS),
    Periodic("database reviews", timedelta(minutes=10), reviews, Process.JOBS),
    *(Periodic(f"database look ({pace})", every, looking(pace), Process.JOBS) for pace, every in EVERY.items()),
]
