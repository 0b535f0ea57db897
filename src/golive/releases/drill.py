"""The rollback drill: once a week the release before is started beside the one that serves, asked, and ended again."""

import logging
from datetime import timedelta

from golive.kit.clock import SYSTEM
from golive.releases import door, lock, runs, sites
from golive.releases.errors import Refused, ReleaseError
from golive.releases.host.target import HostTarget
from golive.releases.models import CommandRun, Deploy, Environment
from golive.releases.target import Tell

log = logging.getLogger(__name__)
EVERY = timedelta(days=7)
NAME = "rollback-drill"


def drill(where: Environment, tell: Tell = door.silent) -> CommandRun:
    """Does the release before still start and answer on today's schema and variables? Raises Refused without one."""
    way = door.way_back(where)
    if way is None:
        raise Refused(f"There is no earlier release of {where.name} to drill with.")
    with lock.held(where):  # a deploy under way is no failed drill: Refused goes to whoever asked
        made = _trial(where, way.to, tell)
    said = f"{way.to.release.name}: {made.output}"
    runs.flip_cron(where, NAME, made.exit_code == 0, said, made)
    return made


def _trial(where: Environment, old: Deploy, tell: Tell) -> CommandRun:
    """Start the old release under a name of its own, ask it, end it; nobody is switched to it."""
    made = CommandRun.objects.create(
        environment=where, release=old.release, job=NAME, command=f"start {old.release.name} beside what serves",
        by="golive", started_at=SYSTEM.now(),
    )  # fmt: skip
    trial = Deploy(pk=-made.pk, environment=where, release=old.release, variables_version=old.variables_version)
    target = HostTarget()
    try:
        target.push(trial, tell)
        target.start(trial, tell)
        made.output, made.exit_code = target.wait_healthy(trial, tell), 0
    except ReleaseError as error:
        made.output, made.exit_code = str(error), 1
    finally:
        target.stop(trial, tell)
    made.finished_at = SYSTEM.now()
    made.save(update_fields=["exit_code", "output", "finished_at"])
    return made


def due() -> None:
    """Drill the environments whose last drill is a week old."""
    for where in Environment.objects.filter(kind="permanent", closed_at=None).exclude(live=None):
        section = sites.deploy_section(where.project)
        last = CommandRun.objects.filter(environment=where, job=NAME).first()
        if section.target != "host" or not section.drill or (last and SYSTEM.now() - last.started_at < EVERY):
            continue
        try:
            drill(where)
        except Refused as error:
            log.info("no drill in %s: %s", where.name, error)
