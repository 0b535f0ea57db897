"""Deploys that nobody reported: a release that telemetry shows for the first time is a deploy."""

from datetime import timedelta
from pathlib import Path

from golive.changes.record import first_seen
from golive.kit.clock import SYSTEM
from golive.kit.named import queries
from golive.kit.periodic import Periodic
from golive.people.models import Project
from golive.telemetry import store

QUERIES = queries(Path(__file__).parent / "queries.sql")
LOOK_BACK = timedelta(minutes=10)
LOOK_BACK_AT_START = timedelta(hours=24)
_looked: list[bool] = []


def notice_releases() -> None:
    """Write a deploy for each new `service.version`; the first look after a start goes back a day."""
    back = LOOK_BACK if _looked else LOOK_BACK_AT_START
    found = store.rows(QUERIES["releases"], since=SYSTEM.now() - back)
    _looked[:] = [True]
    projects = {project.slug: project for project in Project.objects.all()} if found else {}
    for row in found:
        if project := projects.get(row["project"]):
            first_seen(project, row["environment"], row["release"], row["seen"])


PERIODIC = [Periodic("notice new releases", timedelta(seconds=10), notice_releases)]
