"""What golive does itself in a run: the release is built once, deployed, and judged; the room `releases` does it.

A deploy goes on past its switch: the stage `production` ends when all requests go to the new release, the stage
`checks` when the release has been judged - or the one before serves again.
"""

import threading
import time
from pathlib import Path
from typing import Any

from django.db import close_old_connections
from django.utils.text import slugify

from golive.people.models import Project
from golive.pipelines import collect, fast_lane, work
from golive.pipelines.listener import Action, ActionError, Context
from golive.pipelines.stages import Stage
from golive.releases import door, jobs, preview_servers, previews, sites, variables
from golive.releases.build import notes_between
from golive.releases.models import Deploy, Environment, EnvironmentKind, Release, ReleaseState

LOOK_SECONDS = 0.2
ACTS = (Stage.PREVIEW, Stage.PRODUCTION, Stage.CHECKS)


def missing(acting: set[Stage], *, deploys: bool) -> dict[Stage, str]:
    """Why stages that golive should do itself are left out."""
    said = {
        stage: "not configured: golive.toml says nothing in [deploy]"
        for stage in ACTS
        if stage in acting and not deploys
    }
    if Stage.E2E in acting:
        said[Stage.E2E] = "not configured: name the journeys, [pipeline.e2e] tests = [...]"
    return said


def preview_name(pull_request: str, ref: str = "") -> str:
    """The name of a pull request's preview, or of a branch's."""
    name = f"pr-{slugify(pull_request)}" if pull_request else slugify(ref.rpartition("/")[2])
    return name[:30].strip("-")


def over(project: Project, pull_request: str, by: str) -> None:
    """A pull request was closed or its branch deleted: its preview is torn down."""
    found = Environment.objects.filter(
        project=project, name=preview_name(pull_request), kind=EnvironmentKind.PREVIEW, closed_at=None
    )
    for where in found:
        jobs.ask_close(where, by)


class Delivery:
    """The deploys of one run."""

    def __init__(self, by: str) -> None:
        self.by = by
        self._thread: threading.Thread | None = None
        self._outcome: door.Outcome | None = None
        self._error = ""

    def actions(self) -> dict[str, Action]:
        """What this run can do, by stage."""
        return {Stage.PREVIEW: self.preview, Stage.PRODUCTION: self.production, Stage.CHECKS: self.checks}

    def preview(self, context: Context) -> dict[str, Any]:
        """Deploy the commit's release to a preview of its pull request (or branch)."""
        project = Project.objects.get(slug=context.project)
        name = preview_name(context.pull_request, context.ref)
        try:
            release = release_of(project, context, self.by)
            opened = previews.open_preview(project, name, release, tell=context.say, by=self.by)
        except door.ReleaseError as error:
            raise ActionError(str(error)) from error
        if not opened.outcome.well:
            raise ActionError(opened.outcome.reason or "the preview did not come up")
        told = {"preview_url": opened.url, "preview_link": opened.link, "release": release.name}
        mail = {"GOLIVE_MAIL_URL": caught} if (caught := preview_servers.mail_url(project)) else {}
        return told | {"_preview_pass": next(iter(opened.headers.values()), ""), "_told": mail}

    def production(self, context: Context) -> dict[str, Any]:
        """Deploy the commit's release to production, up to the switch."""
        project = Project.objects.get(slug=context.project)
        where = door.environment(project)
        if served := _serves(where, context.tree):
            return {"skipped": f"{served}, built from the same files, serves already", "release": served}
        try:
            release = release_of(project, context, self.by)
        except door.BuildError as error:
            raise ActionError(str(error)) from error
        before = Deploy.objects.filter(environment=where).order_by("-pk").values_list("pk", flat=True).first() or 0
        self._thread = threading.Thread(target=self._deploy, args=(release, context), name="deploy", daemon=True)
        self._thread.start()
        while self._thread.is_alive() and not _switched(where.pk, before):
            time.sleep(LOOK_SECONDS)
        if not _switched(where.pk, before):
            self._thread.join()
            raise ActionError(self._error or (self._outcome.reason if self._outcome else "") or "the deploy failed")
        return {"release": release.name, "production_url": sites.url(where)}

    def _deploy(self, release: Release, context: Context) -> None:
        try:
            where = door.environment(release.project)
            lane = fast_lane.opened(release.project, context.ref.removeprefix("refs/heads/"))
            overrides = lane.overrides if lane and not context.pull_request else None
            self._outcome = door.deploy(release, where, tell=context.say, by=self.by, overrides=overrides)
        except door.ReleaseError as error:
            self._error = str(error)
        except Exception as error:
            self._error = f"golive could not go on with the deploy: {error}"
        finally:
            close_old_connections()

    def checks(self, context: Context) -> dict[str, Any]:
        """Wait until the release has been judged. Raises ActionError when the one before serves again."""
        if self._thread is None:
            return {"skipped": "nothing was deployed in this run"}
        context.say("watching the release: health, smoke tests, errors and latency against the one before")
        self._thread.join()
        outcome = self._outcome
        if outcome is None or not outcome.well:
            raise ActionError(self._error or (outcome.reason if outcome else "the deploy did not end"))
        return {"availability": outcome.availability}


def _serves(where: Environment, tree: str) -> str:
    """The release that serves, when it was built from these files and runs with today's variables."""
    live = where.live
    if live is None or live.release.tree != tree or live.variables_version != variables.version(where):
        return ""
    return live.release.name


def _switched(environment_id: int, before: int) -> bool:
    made = Deploy.objects.filter(environment_id=environment_id, pk__gt=before).first()
    return made is not None and made.switched_at is not None


def release_of(project: Project, context: Context, by: str) -> Release:
    """The release of the run's tree: the one that was built when a pull request was tested, or a new one."""
    tree = context.tree
    kept = Release.objects.filter(project=project, tree=tree, state=ReleaseState.READY).order_by("-number").first()
    if kept is not None and Path(kept.folder).is_dir():
        context.say(f"{kept.name} was built from the same files: it is promoted, not built again")
        return kept
    last = Release.objects.filter(project=project, state=ReleaseState.READY).exclude(commit="").first()
    notes = notes_between(context.repository.git_dir, last.commit if last else "", context.commit)
    place = work.Place()
    try:
        source = place.cell("release")
        context.repository.export(tree, source)
        for packed in context.outputs.values():
            collect.unpack(packed, source)
        branch = context.ref.removeprefix("refs/heads/")
        return door.build(
            project, source, context.commit, tell=context.say, by=by, branch=branch, tree=tree, notes=notes
        )
    finally:
        place.close()
