"""Queues the scheduled commands of [cron] when they are due."""

from golive.kit.clock import SYSTEM
from golive.releases import jobs
from golive.releases.models import CronState, Environment
from golive.releases.runs import next_due
from golive.releases.section import kept
from golive.releases.settings import CronSection


def begin_due() -> None:
    """Queue the scheduled commands that are due; each is claimed by compare-and-swap, so that none runs twice."""
    now = SYSTEM.now()
    found = Environment.objects.exclude(live=None).filter(closed_at=None, kind="permanent").select_related("project")
    for where in found:
        section = CronSection.model_validate(kept(where.project_id).cron)
        for name, job in section.root.items():
            if job.environment != where.name:
                continue
            state, _ = CronState.objects.get_or_create(
                environment=where, job=name, defaults={"due_at": next_due(job, now)}
            )
            if state.due_at > now:
                continue
            claimed = CronState.objects.filter(pk=state.pk, due_at=state.due_at).update(due_at=next_due(job, now))
            if claimed:
                jobs.ask_cron(where, name)
