"""The pipeline's job, and its upkeep: runs of dead processes, leftovers, old results."""

import contextlib
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from golive.jobs.kinds import Kind, Work, register
from golive.kit.folders import data_folder
from golive.kit.periodic import Periodic, Process
from golive.people.models import Project
from golive.pipelines import digest, engine, fetching, record, reporting, spans, work
from golive.pipelines.cache import Cache
from golive.pipelines.models import Delivery, Run
from golive.pipelines.reporting import Reporter
from golive.pipelines.stages import WHOLE_BUDGET
from golive.pipelines.terminal import Terminal

LONGEST = timedelta(hours=2)
SHARED_KEPT = timedelta(days=14)


def run_pipeline(job: Work) -> dict[str, Any]:
    """Carry out the run that the job names."""
    run = Run.objects.select_related("project").filter(pk=job.payload["run"]).first()
    if run is None:
        return {"state": "gone"}
    said = Terminal(lambda text, style: print(text, flush=True))
    state, reason = engine.execute(run, said, Reporter(run))
    return {"state": state, "reason": reason, "budget_seconds": WHOLE_BUDGET.total_seconds()}


def fetch(job: Work) -> dict[str, Any]:
    """Act on a webhook's delivery."""
    delivery = Delivery.objects.select_related("source__project").filter(pk=job.payload["delivery"]).first()
    run = fetching.act(delivery) if delivery else None
    if run is not None and run.fork:
        with contextlib.suppress(reporting.ReportingError):
            reporting.report(run)
    return {"run": run.number if run else None}


def keep_house() -> None:
    """End what killed runs left behind; forget results that nobody asks for any more."""
    record.died(timezone.now())
    work.sweep()
    for folder in (data_folder() / "pipelines" / "cache").glob("*"):
        Cache(folder).forget()
    for folder in (work.where() / "shared").glob("*"):
        if time.time() - folder.stat().st_atime > SHARED_KEPT.total_seconds():
            work.discard(folder)


def send_traces() -> None:
    """Runs that are over become traces."""
    for run in Run.objects.filter(trace_id="", seconds__isnull=False).select_related("project").order_by("pk")[:50]:
        spans.send(run)


def send_digests() -> None:
    """The week before, once, from Monday morning on."""
    first = digest.due(timezone.now())
    for project in Project.objects.all():
        digest.send(project, first)


FETCH = register(Kind("pipeline.fetch", fetch, timeout=timedelta(minutes=10), max_attempts=3))
PIPELINE = register(Kind("pipeline", run_pipeline, timeout=LONGEST, max_attempts=2))
PERIODIC = [
    Periodic("pipelines: upkeep", timedelta(minutes=2), keep_house, Process.JOBS),
    Periodic("pipelines: digest", timedelta(minutes=15), send_digests, Process.JOBS),
    Periodic("pipelines: traces", timedelta(seconds=10), send_traces, Process.JOBS),
]
