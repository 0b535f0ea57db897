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
    old = way.to
    made = CommandRun.objects.create(
        environment=where, release=old.release, job=NAME, command=f"start {old.release.name} beside what serves",
        by="golive", started_at=SYSTEM.now(),
    )  # fmt: skip
    # A deploy that is never saved: its processes have a name of their own, and nobody is switched to them.
    trial = Deploy(pk=-made.pk, environment=where, release=old.release, variables_version=old.variables_version)
    target, said = HostTarget(), ""
    try:
        with lock.held(where):
            target.push(trial, tell)
            target.start(trial, tell)
            said = target.wait_healthy(trial, tell)
            made.exit_code = 0
    except ReleaseError as error:
        said, made.exit_code = str(error), 1
    finally:
        target.stop(trial, tell)
    made.output, made.finished_at = said, SYSTEM.now()
    made.save(update_fields=["exit_code", "output", "finished_at"])
    runs.flip_cron(where, NAME, made.exit_code == 0, f"{old.release.name}: {said}", made)
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
