"""The room's front door: what pipelines, incidents, pages and commands ask of releases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, transaction

from golive.kit.clock import SYSTEM
from golive.people.models import Project
from golive.releases import build as builder
from golive.releases import gates, lock, runtime, sites, steps, trouble, variables
from golive.releases.errors import BuildError, Refused, ReleaseError
from golive.releases.executor import Executor, Outcome, record, target_of
from golive.releases.models import (
    UNFINISHED,
    Deploy,
    DeployKind,
    DeployState,
    Environment,
    EnvironmentKind,
    Release,
    ReleaseState,
)
from golive.releases.sites import PRODUCTION
from golive.releases.steps import Facts, Step
from golive.releases.target import Tell

__all__ = [
    "BuildError",
    "Outcome",
    "Refused",
    "ReleaseError",
    "Way",
    "build",
    "deploy",
    "environment",
    "plan",
    "resume",
    "rollback",
    "way_back",
]


def silent(line: str) -> None:
    """A `tell` for callers that need no news."""


def environment(project: Project, name: str = PRODUCTION) -> Environment:
    """An environment by name; "production" is always there. Raises Refused."""
    if name == PRODUCTION:
        found, _ = Environment.objects.get_or_create(project=project, name=name, defaults={"created_at": SYSTEM.now()})
        return found
    known = Environment.objects.filter(project=project, name=name, closed_at=None).first()
    if known is None:
        names = ", ".join(Environment.objects.filter(project=project, closed_at=None).values_list("name", flat=True))
        raise Refused(f"There is no environment {name!r}; there are {names or PRODUCTION}. Add it to golive.toml.")
    return known


def build(
    project: Project,
    source: Path,
    commit: str = "",
    *,
    tell: Tell = silent,
    by: str = "golive",
    branch: str = "",
    tree: str = "",
    notes: list[dict[str, str]] | None = None,
) -> Release:
    """Build an immutable release from a folder of source. Raises BuildError.

    `notes` are its commits (`{"commit", "subject", "author"}`), newest first; `builder.notes_between` asks git.
    """
    try:
        made = builder.build(
            project, source, commit, tell=tell, at=SYSTEM.now(), by=by, branch=branch, tree=tree, notes=notes
        )
    except BuildError as error:
        tell(f"✗ {error}")
        if error.ours:
            trouble.build_broke(project, str(error), SYSTEM.now())
        raise
    trouble.build_mended(project, SYSTEM.now())
    return made


def plan(release: Release, where: Environment, *, canary: int = 0, kind: DeployKind = DeployKind.DEPLOY) -> list[Step]:
    """The steps that a deploy would take now; changes nothing."""
    warm = _warm(where, release, None) if kind == DeployKind.ROLLBACK else None
    facts = Facts(
        release=release.name,
        previous=where.live.release.name if where.live else "",
        environment=where.name,
        rollback=kind == DeployKind.ROLLBACK,
        warm=warm is not None,
        canary=canary if where.live else 0,
        gates=gates.names(),
        preview=where.is_preview,
    )
    return steps.plan(runtime.settings_of(release), facts)


def deploy(
    release: Release,
    where: Environment,
    *,
    tell: Tell = silent,
    by: str = "golive",
    overrides: Mapping[str, str] | None = None,
    canary: int = 0,
) -> Outcome:
    """Deploy a release: gates, migration, start, health, switch, checks; or automatic rollback.

    Raises Refused when it cannot begin. `overrides` are gates (or "migration", or "all") with a reason each;
    `canary` tries it on so many percent of the requests first.
    """
    if release.state != ReleaseState.READY:
        raise Refused(f"{release.name} is {release.state}; only a release that was built well can be deployed.")
    _promotable(release, where)
    made = begin(release, where, DeployKind.DEPLOY, by, overrides=overrides, canary=canary)
    return Executor(made, tell, SYSTEM).run()


def redeploy(where: Environment, *, tell: Tell = silent, by: str = "golive") -> Outcome:
    """The live release again with the newest variables. Raises Refused."""
    if where.live is None:
        raise Refused(f"Nothing is deployed to {where.name} yet; its variables count from the first deploy on.")
    made = begin(where.live.release, where, DeployKind.VARIABLES, by)
    return Executor(made, tell, SYSTEM).run()


@dataclass(frozen=True)
class Way:
    """A way back: to which earlier deploy, how, and whether the migrations since then allow it."""

    to: Deploy
    warm: bool
    migrations: str  # "allow", "forbid" or "unknown"
    reason: str

    @property
    def effect(self) -> str:
        """What it will do, for the button."""
        how = "one flip, under a second" if self.warm else "starts it first, some seconds"
        return f"{self.to.environment.name} goes back to {self.to.release.name}: {how}. {self.reason}"


def way_back(where: Environment, to: Release | None = None) -> Way | None:
    """The way back to a release, or to the one before; None when there is none."""
    if where.live is None:
        return None
    earlier = (
        Deploy.objects.filter(environment=where, state=DeployState.DONE, pk__lt=where.live_id)
        .exclude(release=where.live.release)
        .exclude(release__state=ReleaseState.REMOVED)
        .select_related("release", "environment", "reuses")
    )
    # After a rollback the release before is older than what was rolled back, not that.
    if to is None and where.live.kind == DeployKind.ROLLBACK:
        earlier = earlier.filter(release__number__lt=where.live.release.number)
    found = (earlier.filter(release=to) if to else earlier).first()
    if found is None:
        return None
    allowed, reason = _migrations_since(where, found)
    return Way(found, target_of(found).is_warm(found.runs_as), allowed, reason)


def _migrations_since(where: Environment, old: Deploy) -> tuple[str, str]:
    """Whether what was migrated after `old` lets it run again."""
    since = Deploy.objects.filter(environment=where, pk__gt=old.pk, kind=DeployKind.DEPLOY).exclude(
        state=DeployState.FAILED, switched_at=None
    )
    unknown = False
    for one in since.select_related("release"):
        if not runtime.settings_of(one.release).release:
            continue
        if not one.migration.get("known"):
            unknown = True
        if found := one.migration.get("destructive"):
            return "forbid", f"The migration of {one.release.name} {'; '.join(found)}, which {old.release.name} needs."
    if unknown:
        return "unknown", "Whether the migrations since then allow it is not known: they were not rehearsed."
    return "allow", "The migrations since then allow it."


def rollback(
    where: Environment,
    to: Release | None = None,
    *,
    tell: Tell = silent,
    by: str = "golive",
    reason: str = "",
    force: bool = False,
) -> Outcome:
    """Go back to a release, or to the one before: one flip when it is warm, else a start and a flip.

    Raises Refused when there is no way back, or when migrations forbid it and it is not forced.
    """
    abandoned = unfinished(where)
    if abandoned is not None and not lock.is_held(where):
        return give_up(abandoned, tell=tell, reason=reason or f"rolled back by {by}")
    way = way_back(where, to)
    if way is None:
        raise Refused(f"There is no earlier release of {where.name} to go back to.")
    if way.migrations == "forbid" and not force:
        raise Refused(f"{way.reason} Roll forward, or force it if you know that it runs on today's schema.")
    warm = way.to.runs_as if way.warm else None
    made = begin(
        way.to.release, where, DeployKind.ROLLBACK, by, version=way.to.variables_version, warm=warm, reason=reason
    )
    return Executor(made, tell, SYSTEM).run()


def resume(where: Environment, *, tell: Tell = silent) -> Outcome | None:
    """Go on with a deploy whose process was killed; None when there is none. Raises Refused while one is under way."""
    found = unfinished(where)
    return Executor(found, tell, SYSTEM).run() if found else None


def give_up(deploy: Deploy, *, tell: Tell = silent, reason: str) -> Outcome:
    """Undo a deploy that was interrupted, instead of going on with it."""
    Deploy.objects.filter(pk=deploy.pk, state=DeployState.RUNNING).update(
        state=DeployState.UNDOING, reason=reason[:500]
    )
    deploy.refresh_from_db()
    return Executor(deploy, tell, SYSTEM).run()


def interrupted() -> list[Deploy]:
    """Deploys that are unfinished and that nobody carries out."""
    found = Deploy.objects.filter(state__in=UNFINISHED).select_related("environment__project", "release", "previous")
    return [deploy for deploy in found if not lock.is_held(deploy.environment)]


def unfinished(where: Environment) -> Deploy | None:
    """The deploy that began and has not ended, whether or not somebody carries it out now."""
    found = Deploy.objects.filter(environment=where, state__in=UNFINISHED)
    return found.select_related("environment__project", "release__project", "previous__release", "reuses").first()


def _warm(where: Environment, release: Release, version: int | None) -> Deploy | None:
    """The newest deploy of this release whose processes still run."""
    found = Deploy.objects.filter(environment=where, release=release, reuses=None, state=DeployState.DONE)
    return next((one for one in found[:3] if target_of(one).is_warm(one)), None)


def _promotable(release: Release, where: Environment) -> None:
    after = sites.environment_section(where).after
    if after is None:
        return
    well = Deploy.objects.filter(
        environment__project=where.project, environment__name=after, release=release, state=DeployState.DONE
    )
    if not well.exists():
        raise Refused(f"{where.name} takes only releases that {after} has had; deploy {release.name} to {after} first.")


def begin(
    release: Release,
    where: Environment,
    kind: DeployKind,
    by: str,
    *,
    overrides: Mapping[str, str] | None = None,
    canary: int = 0,
    version: int | None = None,
    warm: Deploy | None = None,
    reason: str = "",
) -> Deploy:
    """Record a deploy with its steps, to be carried out. Raises Refused when another one is unfinished."""
    with lock.held(where):
        left = unfinished(where)
        if left is not None:
            raise Refused(
                f"Deploy {left.pk} of {left.release.name} to {where.name} was interrupted; finish it with "
                f"`golive releases resume`, or undo it with `golive rollback`."
            )
        where.refresh_from_db()
        facts = Facts(
            release=release.name,
            previous=where.live.release.name if where.live else "",
            environment=where.name,
            rollback=kind == DeployKind.ROLLBACK,
            warm=warm is not None,
            canary=canary if where.live and kind == DeployKind.DEPLOY else 0,
            gates=gates.names(),
            preview=where.is_preview,
        )
        try:
            with transaction.atomic():
                made = Deploy.objects.create(
                    environment=where,
                    release=release,
                    previous=where.live,
                    kind=kind,
                    by=by,
                    reason=reason[:500],
                    overrides=dict(overrides or {}),
                    canary=facts.canary,
                    variables_version=variables.version(where) if version is None else version,
                    reuses=warm,
                    started_at=SYSTEM.now(),
                )
                record(made, steps.plan(runtime.settings_of(release), facts))
        except IntegrityError as error:
            raise Refused(f"Another deploy to {where.name} has just begun.") from error
        return made


def releases_of(project: Project, most: int = 50) -> list[Release]:
    """The newest releases."""
    return list(Release.objects.filter(project=project)[:most])


def release_named(project: Project, name: str) -> Release:
    """A release by its name, number or commit. Raises Refused."""
    found = Release.objects.filter(project=project)
    one = found.filter(name=name).first()
    if one is None and name.isdigit():
        one = found.filter(number=int(name)).first()
    if one is None and len(name) >= 7:
        one = found.filter(commit__startswith=name).first()
    if one is None:
        known = ", ".join(found.values_list("name", flat=True)[:5]) or "none yet"
        raise Refused(f"There is no release {name!r}; the newest are {known}.")
    return one


def permanent(project: Project) -> list[Environment]:
    """The project's environments without previews, production first."""
    environment(project)
    found = Environment.objects.filter(project=project, kind=EnvironmentKind.PERMANENT, closed_at=None)
    return sorted(found.select_related("live__release"), key=lambda one: (one.name != PRODUCTION, one.name))


def now() -> datetime:
    return SYSTEM.now()
