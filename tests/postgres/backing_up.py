"""What tests of backups do again and again."""

from typing import Any

from golive.jobs.kinds import Work
from golive.jobs.models import Job
from golive.postgres.backups import drill as drills
from golive.postgres.backups import tasks
from golive.postgres.base import Database


def run_jobs() -> None:
    """Run what was queued, in this process."""
    for job in Job.objects.filter(state="queued").order_by("id"):
        work = Work(job.pk, job.payload, lambda share, note: None)
        state = "failed"
        try:
            {tasks.BACKUP: tasks._backup, tasks.DRILL: tasks._drill}[job.kind](work)
            state = "done"
        finally:
            Job.objects.filter(pk=job.pk).update(state=state)


def outcome(database: Database) -> dict[str, Any]:
    ran = drills.drill(database)
    return {proof["name"]: proof["ok"] for proof in ran.proofs} | {"ok": ran.ok, "reason": ran.reason}
