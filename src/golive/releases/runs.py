"""Commands in a release's environment: one-off by a person, or scheduled. Each is kept with its output."""

import shlex
from collections import deque
from datetime import datetime, time, timedelta
from pathlib import Path

from django.db import transaction

from golive.alerts import flips
from golive.alerts.models import Severity, State
from golive.kit.clock import SYSTEM
from golive.people import audit
from golive.releases import apart, runtime
from golive.releases.errors import Refused
from golive.releases.models import CommandRun, CronState, Environment
from golive.releases.section import kept
from golive.releases.settings import CronJob, CronSection
from golive.releases.target import Tell

KEPT_CHARACTERS = 100_000


def run(
    where: Environment, words: list[str], *, by: str, tell: Tell, timeout: timedelta = timedelta(hours=1), job: str = ""
) -> CommandRun:
    """Run a command with the live release's programs and variables. Raises Refused when nothing is deployed."""
    live = where.live
    if live is None:
        raise Refused(f"Nothing is deployed to {where.name}: there is no release to run a command in.")
    environment = runtime.deploy_environment(live)
    made = CommandRun.objects.create(
        environment=where, release=live.release, job=job, command=shlex.join(words), by=by, started_at=SYSTEM.now()
    )
    audit.record(by, "release.run", where.name, project=where.project, command=made.command[:500], run=made.pk)
    lines: deque[str] = deque(maxlen=5000)

    def say(line: str) -> None:
        lines.append(line)
        tell(line)

    ended = apart.run(
        where, words, Path(live.release.folder), environment, say, timeout_seconds=timeout.total_seconds()
    )
    made.finished_at, made.exit_code = SYSTEM.now(), -1 if ended.code is None else ended.code
    made.output = "\n".join(lines)[-KEPT_CHARACTERS:]
    made.save(update_fields=["finished_at", "exit_code", "output"])
    return made


def next_due(job: CronJob, after: datetime) -> datetime:
    """When a job is due next, strictly after an instant (UTC)."""
    if job.every is not None:
        return after + job.every
    hour, minute = map(int, (job.at or "00:00").split(":"))
    today = datetime.combine(after.date(), time(hour, minute), after.tzinfo)
    return today if today > after else today + timedelta(days=1)


def run_scheduled(where: Environment, name: str, tell: Tell) -> CommandRun:
    """Run a scheduled command; its failure is a flip, and so is its being well again."""
    job = CronSection.model_validate(kept(where.project_id).cron).root.get(name)
    if job is None:
        raise Refused(f"There is no scheduled command {name!r} any more.")
    live = where.live
    environment = runtime.deploy_environment(live) if live else {}
    made = run(where, runtime.argv(job.run, environment), by="golive", tell=tell, timeout=job.timeout, job=name)
    last = next((line for line in reversed(made.output.splitlines()) if line.strip()), "")
    reason = "it went well" if made.exit_code == 0 else f"`{job.run}` exited with {made.exit_code}: {last}"
    flip_cron(where, name, made.exit_code == 0, reason, made)
    return made


def flip_cron(where: Environment, name: str, well: bool, reason: str, made: CommandRun | None = None) -> None:
    """Record a scheduled command's change between well and failing."""
    new = State.OK if well else State.FIRING
    with transaction.atomic():
        state, _ = CronState.objects.select_for_update().get_or_create(
            environment=where, job=name, defaults={"due_at": SYSTEM.now() + timedelta(days=1)}
        )
        if state.trouble == new:
            return
        CronState.objects.filter(pk=state.pk).update(trouble=new)
        flips.record(
            where.project,
            f"cron:{name}",
            title=f"Scheduled command {name} {'is well again' if well else 'failed'}",
            old=State(state.trouble),
            new=new,
            severity=Severity.WARNING,
            reason=reason,
            at=SYSTEM.now(),
            environment=where.name,
            link=f"/p/{where.project.slug}/commands/{made.pk}/" if made else f"/p/{where.project.slug}/releases/",
        )
