"""Advice in the jobs process: on request, and what became of what was advised."""

import logging
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.utils import timezone

from golive.jobs.kinds import Kind, Work, register
from golive.kit.periodic import Periodic, Process
from golive.postgres.base import Database
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


def advise(work: Work) -> dict[str, Any]:
    """Look at a project's database and keep what is advised."""
    database = Database.objects.select_related("project").get(pk=work.payload["database"])
    now = timezone.now()
    work.progress(None, "asks the planner, then proves on the clone")
    keep = _keep()
    run = keep.save(database, keep.look(database, now), str(work.payload.get("by", "golive")), now)
    return {"run": run.pk}


ADVISE = register(Kind("database.advise", advise, timeout=timedelta(hours=6), max_attempts=1))
PERIODIC = [Periodic("database advice followed", timedelta(hours=1), follow_all, Process.JOBS)]
