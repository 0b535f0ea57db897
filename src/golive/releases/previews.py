"""Previews of pull requests: an environment each, with a database of its own, asleep when nobody looks."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from golive.kit.clock import SYSTEM
from golive.people import audit
from golive.people.models import Project
from golive.people.secrets import SecretError, resolve
from golive.releases import apart, databases, door, lock, passes, preview_servers, runtime, sites, variables
from golive.releases.errors import ReleaseError
from golive.releases.executor import Outcome
from golive.releases.host import slots
from golive.releases.host.place import place
from golive.releases.host.target import HostTarget
from golive.releases.models import Environment, EnvironmentKind, Release
from golive.releases.settings import DeploySection
from golive.releases.target import Tell

log = logging.getLogger(__name__)
SEED_SECONDS = 600.0


class PreviewError(ReleaseError):
    """A preview cannot be made; the message says what to do."""


@dataclass(frozen=True)
class Preview:
    """A preview that was deployed. `link` lets anybody in for some days; `headers` let a test run in."""

    environment: Environment
    url: str
    link: str
    headers: Mapping[str, str]
    outcome: Outcome


def open_preview(
    project: Project, name: str, release: Release, *, tell: Tell = door.silent, by: str = "golive"
) -> Preview:
    """Deploy a release to the preview `name` ("pr-42"), made when it is not there. Raises PreviewError or Refused."""
    settings = runtime.settings_of(release)
    if settings.target != "host":
        raise PreviewError('Previews need target = "host".')
    now = SYSTEM.now()
    where, created = Environment.objects.get_or_create(
        project=project, name=name, defaults={"kind": EnvironmentKind.PREVIEW, "created_at": now}
    )
    if not where.is_preview:
        raise PreviewError(f"{name} is an environment of its own, not a preview.")
    created = created or where.closed_at is not None
    where.closed_at, where.asked_at, where.expires_at = None, now, now + settings.previews.keep
    where.save(update_fields=["closed_at", "asked_at", "expires_at"])
    make_room(project, settings.previews.most, but=where)
    if not apart.able():
        tell(apart.NOTHING)
    apart.hand_over(where, Path(release.folder))
    _prepare(where, settings, by, tell)
    outcome = door.deploy(release, where, tell=tell, by=by)
    where.refresh_from_db()
    if created and outcome.well and settings.previews.seed:
        _seed(where, release, settings, tell)
    token = passes.sign(_host(where), now + settings.previews.keep)
    url = sites.url(where)
    return Preview(where, url, f"{url}/?{passes.PARAMETER}={token}", {passes.HEADER: token}, outcome)


def _host(where: Environment) -> str:
    return sites.domains(where, sites.deploy_section(where.project))[0]


def _prepare(where: Environment, settings: DeploySection, by: str, tell: Tell) -> None:
    """Its database and its variables; none of production's."""
    database = ""
    if settings.previews.template:
        try:
            server = resolve(settings.previews.database)
            where.database = f"golive_preview_{where.project_id}_{where.name.replace('-', '_')}"[:63]
            database = databases.clone(server, settings.previews.template, where.database)
        except (SecretError, databases.DatabaseError) as error:
            raise PreviewError(f"The preview's database cannot be made: {error}") from error
        where.save(update_fields=["database"])
        tell(f"database {where.database}, a clone of {settings.previews.template}")
    filled = _stand_ins(where, settings) | {"database": database}
    wanted = {key: _fill(value, filled) for key, value in settings.previews.variables.items()}
    have = variables.values(where)
    changed: dict[str, str | None] = {key: value for key, value in wanted.items() if have.get(key) != value}
    changed |= {key: None for key in have if key not in wanted}
    if changed:
        variables.change(where, changed, by=by, at=SYSTEM.now())


def _stand_ins(where: Environment, settings: DeploySection) -> dict[str, str]:
    """What variables of previews can name; servers are started only for those that do."""
    said = " ".join(settings.previews.variables.values())
    url = sites.url(where)
    smtp = preview_servers.mail_sink(where.project)[0] if "{smtp}" in said else ""
    payments = preview_servers.payments(where, settings.previews, url) if "{payments}" in said else ""
    return {
        "url": url, "name": where.name, "smtp": smtp, "payments": payments, "secret": preview_servers.secret(where),
    }  # fmt: skip


def _fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _seed(where: Environment, release: Release, settings: DeploySection, tell: Tell) -> None:
    environment = runtime.environment_of(release, where)
    ended = apart.run(
        where, runtime.argv(settings.previews.seed, environment), Path(release.folder), environment, tell,
        timeout_seconds=SEED_SECONDS,
    )  # fmt: skip
    if not ended.well:
        raise PreviewError(f"The preview is up, but its seed `{settings.previews.seed}` {ended.said}")


def oldest_first(awake: list[tuple[str, datetime | None]], most: int) -> list[str]:
    """Which of the previews that are awake fall asleep so that one more fits: those asked for longest ago."""
    surplus = len(awake) + 1 - most
    order = sorted(awake, key=lambda one: (one[1] is not None, one[1] or datetime.min))
    return [name for name, _ in order[: max(surplus, 0)]]


def make_room(project: Project, most: int, *, but: Environment) -> None:
    """Put the previews to sleep that nobody has asked for longest."""
    awake = Environment.objects.filter(
        project=project, kind=EnvironmentKind.PREVIEW, closed_at=None, asleep=False
    ).exclude(live=None).exclude(pk=but.pk)  # fmt: skip
    by_name = {one.name: one for one in awake}
    for name in oldest_first([(one.name, one.asked_at) for one in by_name.values()], most):
        put_to_sleep(by_name[name])


def put_to_sleep(where: Environment) -> None:
    """End its processes; the next visitor wakes it."""
    if where.live is None or where.asleep:
        return
    with lock.held(where):
        Environment.objects.filter(pk=where.pk).update(asleep=True)
        HostTarget().stop(where.live, log.info)


def wake(where: Environment) -> None:
    """Start it again, making room if need be. Raises StepFailed."""
    where.refresh_from_db()
    if where.live is None or not where.asleep:
        return
    make_room(where.project, runtime.settings_of(where.live.release).previews.most, but=where)
    with lock.held(where):
        target = HostTarget()
        target.start(where.live, log.info)
        target.wait_healthy(where.live, log.info)
        target.switch(where.live, log.info)
        Environment.objects.filter(pk=where.pk).update(asleep=False, asked_at=SYSTEM.now())


def close_preview(where: Environment, *, by: str = "golive") -> None:
    """Tear it down: processes, link, database, variables. Its record stays."""
    if not where.is_preview or where.closed_at is not None:
        return
    with lock.held(where):
        here = place()
        if where.live is not None and not where.asleep:
            HostTarget().stop(where.live, log.info)
        slots.close(here.live(where.link))
        preview_servers.end(where)
        if where.database:
            settings = sites.deploy_section(where.project)
            try:
                databases.drop(resolve(settings.previews.database), where.database)
            except (SecretError, databases.DatabaseError) as error:
                log.warning("the database %s of a closed preview stays: %s", where.database, error)
        where.variables.all().delete()
        Environment.objects.filter(pk=where.pk).update(closed_at=SYSTEM.now(), live=None, asleep=False, database="")
    audit.record(by, "preview.close", where.name, project=where.project)


def expire() -> None:
    """Tear down previews that nobody has deployed to for as long as they are kept."""
    due = Environment.objects.filter(
        kind=EnvironmentKind.PREVIEW, closed_at=None, expires_at__lte=SYSTEM.now()
    ).select_related("project", "live__release__project", "live__environment")
    for where in due:
        try:
            close_preview(where)
        except ReleaseError as error:
            log.warning("preview %s cannot be closed now: %s", where.name, error)
