"""Readiness in the background: each item on its own rhythm, and at once when what its proof rests on has changed."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from golive.jobs import queue
from golive.jobs.kinds import Kind, Work, register
from golive.jobs.models import Job
from golive.jobs.models import State as JobState
from golive.kit.periodic import Periodic, Process
from golive.people.models import Project
from golive.readiness import records
from golive.readiness.checking import check, chosen
from golive.readiness.item import Item
from golive.readiness.items import ITEMS
from golive.readiness.models import Plan
from golive.readiness.runner import Result
from golive.readiness.subjects import SubjectError, maker

KIND = "readiness.check"


def run(work: Work) -> Any:
    """Prove items of one project; the result says how each came out."""
    project = Project.objects.get(pk=work.payload["project"])
    items = chosen(work.payload["items"])
    ended: list[str] = []

    def told(item: Item, result: Result | None) -> None:
        if result is not None:
            ended.append(item.key)
        work.progress(len(ended) / len(items), f"{item.key}{'' if result is None else ' done'}")

    done = check(project, items, timezone.now(), told)
    for problem in done.problems:
        print(problem)
    return {document["item"]: document["verdict"] for document in done.documents}


register(Kind(KIND, run, timeout=timedelta(minutes=15), max_attempts=1))


def request(project: Project, items: list[str], now: datetime, by: str) -> Job:
    """Put a run into the queue, unless one waits already for the same."""
    waiting = Job.objects.filter(kind=KIND, subject=f"{project.slug}", state__in=(JobState.QUEUED, JobState.RUNNING))
    for job in waiting:
        if set(items) <= set(job.payload["items"]):
            return job
    payload = {"project": project.pk, "items": items}
    return queue.enqueue(KIND, payload, now=now, subject=project.slug, requested_by=by)


def keep_proved() -> None:
    """Ask for runs of what is due. Only projects that configured readiness, and only items that ran there once."""
    now = timezone.now()
    for plan in Plan.objects.select_related("project"):
        try:
            subject_for = maker(plan.project, now)
        except SubjectError:
            continue
        newest = records.newest(plan.project)
        due = []
        for key, proof in newest.items():
            item = ITEMS[key]
            line = records.line(item, proof, subject_for(item), now)
            if line.stale or now - proof.ended_at >= item.every:
                due.append(key)
        if due:
            request(plan.project, sorted(due), now, "golive")


PERIODIC = [Periodic("readiness", timedelta(minutes=5), keep_proved, Process.JOBS)]
