"""What is done again and again: the keeper kept up, links put back, the old stopped, files of old releases removed."""

import logging
import shutil
from pathlib import Path

from django.db.models import Q

from golive.jobs.models import Job
from golive.jobs.queue import ENDED
from golive.kit.clock import SYSTEM
from golive.people.models import Project
from golive.releases import build, door, jobs, lock, runtime
from golive.releases.errors import Refused, ReleaseError
from golive.releases.executor import target_of
from golive.releases.host import units
from golive.releases.host.choose import supervisor
from golive.releases.host.place import place
from golive.releases.host.target import HostTarget
from golive.releases.models import Deploy, DeployState, Environment, Release, ReleaseState

log = logging.getLogger(__name__)
GRACE_SECONDS = 5.0


def hold() -> None:
    """Have the keeper run, and after a reboot the links and the front as the database says."""
    where = place()
    if not where.units.is_dir() or not units.names(where):
        return
    if supervisor(where).ensure():
        log.warning("the keeper was not running; started it again, the processes it keeps were not touched")
    target = HostTarget(where)
    for environment in _served():
        if environment.live is None or lock.is_held(environment):
            continue
        if not where.live(environment.link).exists() and not environment.asleep:
            _put_back(target, environment.live)
    target.serve()


def _served() -> list[Environment]:
    found = Environment.objects.exclude(live=None).filter(closed_at=None)
    return [
        one
        for one in found.select_related("project", "live__release__project", "live__environment", "live__reuses")
        if one.live and runtime.settings_of(one.live.release).target == "host"
    ]


def _put_back(target: HostTarget, deploy: Deploy) -> None:
    try:
        with lock.held(deploy.environment):
            target.start(deploy, log.info)
            target.wait_healthy(deploy, log.info)
            target.switch(deploy, log.info)
    except ReleaseError as error:
        log.warning("%s cannot be put back: %s", deploy.release.name, error)


def resume() -> None:
    """Queue the end of deploys whose process has died."""
    for deploy in door.interrupted():
        if (SYSTEM.now() - deploy.started_at).total_seconds() > GRACE_SECONDS and not _queued(deploy):
            jobs.ask_resume(deploy)


def give_up_builds() -> None:
    """A build whose process was killed has failed."""
    for release in build.abandoned(SYSTEM.now()):
        log.warning("the build of %s was killed; what it left is removed", release.name)


def _queued(deploy: Deploy) -> bool:
    """Whether a job is about to go on with it anyway."""
    waiting = Job.objects.filter(kind__in=[jobs.DEPLOY.name, jobs.ROLLBACK.name, jobs.REDEPLOY.name])
    return waiting.exclude(state__in=ENDED).filter(payload__environment=deploy.environment_id).exists()


def cool() -> None:
    """Stop releases that have been warm for long enough."""
    due = Deploy.objects.filter(warm_until__lte=SYSTEM.now()).select_related("environment__project", "release__project")
    for deploy in due:
        try:
            with lock.held(deploy.environment):  # only to decide: it drains without, so that a deploy may begin
                environment = Environment.objects.select_related("live__reuses").get(pk=deploy.environment_id)
                serves = environment.live is not None and environment.live.runs_as.pk == deploy.pk
                ended = None if serves else SYSTEM.now()
                Deploy.objects.filter(pk=deploy.pk).update(warm_until=None, stopped_at=ended)
            if not serves:
                target_of(deploy).stop(deploy, log.info)
        except Refused:
            continue
        except ReleaseError as error:
            log.warning("%s cannot be stopped: %s", deploy.release.name, error)


def prune() -> None:
    """Remove the files of releases beyond those to keep; never of one that serves, is warm or comes before it."""
    for project in Project.objects.all():
        needed = set(
            Deploy.objects.filter(environment__project=project)
            .filter(Q(state__in=[DeployState.RUNNING, DeployState.UNDOING]) | Q(warm_until__isnull=False))
            .values_list("release_id", flat=True)
        )
        for environment in Environment.objects.filter(project=project, closed_at=None):
            served = Deploy.objects.filter(environment=environment, state=DeployState.DONE)[:3]
            needed |= {deploy.release_id for deploy in served}
            if environment.live:
                needed.add(environment.live.release_id)
        kept = Release.objects.filter(project=project, state=ReleaseState.READY)
        newest = kept.first()
        most = runtime.settings_of(newest).keep if newest else 0
        for release in kept[most:]:
            if release.pk not in needed and release.folder:
                shutil.rmtree(Path(release.folder), ignore_errors=True)
                Release.objects.filter(pk=release.pk).update(state=ReleaseState.REMOVED, folder="")
