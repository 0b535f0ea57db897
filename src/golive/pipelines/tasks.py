"""The pipeline's job, and its upkeep: runs of dead processes, leftovers, old results."""

import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from golive.jobs.kinds import Kind, Work, register
from golive.kit.folders import data_folder
from golive.kit.periodic import Periodic, Process
from golive.pipelines import engine, record, work
from golive.pipelines.cache import Cache
from golive.pipelines.models import Run
from golive.pipelines.stages import WHOLE_BUDGET
from golive.pipelines.terminal import Terminal

LONGEST = timedelta(hours=2)
SHARED_KEPT = timedelta(days=14)


def run_pipeline(job: Work) -> dict[str, Any]:
    """Carry out the run that the job names."""
    run = Run.objects.select_related("project").filter(pk=job.payload["run"]).first()
    if run is None:
        return {"state": "gone"}
    state, reason = engine.execute(run, Terminal(lambda text, style: print(text, flush=True)))
    return {"state": state, "reason": reason, "budget_seconds": WHOLE_BUDGET.total_seconds()}


def keep_house() -> None:
    """End what killed runs left behind; forget results that nobody asks for any more."""
    record.died(timezone.now())
    work.sweep()
    for folder in (data_folder() / "pipelines" / "cache").glob("*"):
        Cache(folder).forget()
    for folder in (work.root() / "shared").iterdir():
        if time.time() - folder.stat().st_atime > SHARED_KEPT.total_seconds():
            work.discard(folder)


PIPELINE = register(Kind("pipeline", run_pipeline, timeout=LONGEST, max_attempts=2))
PERIODIC = [Periodic("pipelines: upkeep", timedelta(minutes=2), keep_house, Process.JOBS)]
