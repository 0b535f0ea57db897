"""Copies each check's days from the telemetry store, so that the bars outlive it."""

import logging
from datetime import timedelta
from pathlib import Path

from django.db.models import Max
from django.utils import timezone

from golive.kit.named import queries
from golive.people.models import Project
from golive.statuspage.document import DAYS
from golive.statuspage.models import Day
from golive.telemetry import store

QUERIES = queries(Path(__file__).with_name("queries.sql"))
log = logging.getLogger(__name__)


def copy_days() -> None:
    """Copy the days since the last one known. A store that is away is waited for."""
    today = timezone.now().date()
    for project in Project.objects.all():
        last = Day.objects.filter(project=project).aggregate(last=Max("day"))["last"]
        since = last - timedelta(days=1) if last else today - timedelta(days=DAYS)
        try:
            rows = store.rows(QUERIES["days"], project=project.slug, since=since)
        except store.StoreError as error:
            log.warning("the status page's history waits for the store: %s", error)
            return
        Day.objects.bulk_create(
            [
                Day(
                    project=project,
                    check_name=row["check_name"],
                    day=row["day"],
                    results=row["results"],
                    failures=row["failures"],
                )
                for row in rows
            ],
            update_conflicts=True,
            unique_fields=["project", "check_name", "day"],
            update_fields=["results", "failures"],
        )
