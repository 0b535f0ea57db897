"""Pages: what serves where and the way back, every deploy, and one deploy's steps."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.people.models import Project, Role
from golive.people.permissions import may, needs
from golive.people.tokens import actor
from golive.releases import door, jobs, preview_pages, sites, variables
from golive.releases.errors import ReleaseError
from golive.releases.models import CommandRun, Deploy, DeployState, Environment, Release, ReleaseState
from golive.releases.timeline import bars

PAGE = 25


def _environments(project: Project) -> list[dict[str, Any]]:
    rows = []
    for one in door.permanent(project):
        way = door.way_back(one)
        running = door.unfinished(one)
        rows.append({"environment": one, "url": sites.url(one), "way": way, "running": running})
    return rows


def _headline(project: Project, rows: list[dict[str, Any]]) -> str:
    first = rows[0]
    running: Deploy | None = first["running"]
    live: Deploy | None = first["environment"].live
    if running is not None:
        return f"{running.release.name} is on its way to {running.environment.name}"
    if live is None:
        return f"Nothing of {project.name} is deployed by golive yet"
    last = Deploy.objects.filter(environment=first["environment"]).select_related("release").first()
    told = f"{live.release.name} serves {project.name}"
    if last is not None and last.state in (DeployState.FAILED, DeployState.ROLLED_BACK, DeployState.STUCK):
        told += (
            f"; the last deploy, {last.release.name}, {'was ' if last.state != DeployState.FAILED else ''}{last.state}"
        )
    return told


@require_GET
def releases(request: HttpRequest, slug: str) -> HttpResponse:
    """What serves where, the newest deploys, the newest releases."""
    project = project_of(request, slug)
    rows = _environments(project)
    deploys = (
        Deploy.objects.filter(environment__project=project)
        .select_related("environment", "release", "previous__release")
        .prefetch_related("steps")
    )
    live = {row["environment"].live.release_id: row["environment"].name for row in rows if row["environment"].live}
    built = [{"release": one, "serves": live.get(one.pk, "")} for one in door.releases_of(project, 15)]
    previews = Environment.objects.filter(project=project, kind="preview", closed_at=None)
    context = {
        "project": project,
        "rows": rows,
        "headline": _headline(project, rows),
        "page": Paginator(deploys, PAGE).get_page(request.GET.get("page")),
        "built": built,
        "previews": [{"preview": one, "url": sites.url(one)} for one in previews.select_related("live__release")],
        "may_deploy": may(request.user, Role.RESPONDER),
        "may_configure": may(request.user, Role.ADMIN),
    }
    template = "releases/list.html" if request.headers.get("HX-Request") else "releases/page.html"
    return render(request, template, context)


def _context(request: HttpRequest, slug: str, number: int) -> dict[str, Any]:
    project = project_of(request, slug)
    related = ("environment__project", "environment__live", "release", "previous__release", "reuses")
    found = get_object_or_404(
        Deploy.objects.select_related(*related), environment__project=project, pk=number
    )  # fmt: skip
    serves = found.environment.live_id == found.pk
    steps = list(found.steps.all())
    return {
        "project": project,
        "deploy": found,
        "steps": steps,
        "bars": bars(steps, found.started_at, timezone.now()),
        "serves": serves,
        "way": door.way_back(found.environment) if serves else None,
        "stalled": found.unfinished and found in door.interrupted(),
        "may_deploy": may(request.user, Role.RESPONDER),
    }


@require_GET
def deploy(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One deploy: how it went, step by step, and the way back."""
    context = _context(request, slug, number)
    template = "releases/deploy_live.html" if request.headers.get("HX-Request") else "releases/deploy.html"
    return render(request, template, context)


@require_GET
def release(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One release: its commits, its build's log, where it was deployed."""
    project = project_of(request, slug)
    found = get_object_or_404(Release, project=project, number=number)
    deploys = Deploy.objects.filter(release=found).select_related("environment", "release", "previous__release")
    context = {
        "project": project,
        "release": found,
        "deploys": deploys[:20],
        "environments": door.permanent(project) if found.state == ReleaseState.READY else [],
        "may_deploy": may(request.user, Role.RESPONDER),
    }
    return render(request, "releases/release.html", context)


@require_POST
@needs(Role.RESPONDER)
def roll_back(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """The button: at once where the release before is warm, else as a job."""
    project = project_of(request, slug)
    where = get_object_or_404(
        Environment.objects.select_related("project", "live__release"), project=project, name=name, closed_at=None
    )
    way = door.way_back(where)
    wanted = request.POST.get("to", "")
    if way is None or str(way.to.release_id) != wanted:
        messages.error(request, "That release is not the one before any more; look again.")
        return redirect("releases", slug)
    try:
        if not way.warm:
            job = jobs.ask_rollback(where, way.to.release, actor(request))
            messages.info(request, f"Job {job.pk} starts {way.to.release.name} and switches to it.")
            return redirect("releases", slug)
        outcome = door.rollback(where, way.to.release, by=actor(request))
    except ReleaseError as error:
        messages.error(request, str(error))
        return redirect("releases", slug)
    if outcome.well:
        messages.success(request, f"{way.to.release.name} serves {name} again, after {outcome.took_seconds:.1f} s.")
    else:
        messages.error(request, f"The rollback {outcome.state}: {outcome.reason}")
    return redirect("deploy", slug, outcome.deploy_id)


@require_POST
@needs(Role.RESPONDER)
def begin(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Deploy a release that is built."""
    project = project_of(request, slug)
    found = get_object_or_404(Release, project=project, number=number)
    try:
        where = door.environment(project, request.POST.get("environment", ""))
        percent = request.POST.get("canary", "")
        canary = min(int(percent), 95) if percent.isdigit() else 0
        why = request.POST.get("override", "").strip()
        job = jobs.ask_deploy(found, where, actor(request), {"all": why} if why else {}, canary)
    except ReleaseError as error:
        messages.error(request, str(error))
        return redirect("release", slug, number)
    messages.info(request, f"Job {job.pk} deploys {found.name} to {where.name}.")
    return redirect("releases", slug)


@require_POST
@needs(Role.RESPONDER)
def resume(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Go on with an interrupted deploy."""
    found = get_object_or_404(Deploy, environment__project=project_of(request, slug), pk=number)
    if found.unfinished:
        jobs.ask_resume(found)
        messages.info(request, "It goes on from the step where it stopped.")
    return redirect("deploy", slug, number)


@require_GET
def runs(request: HttpRequest, slug: str) -> HttpResponse:
    """Commands that were run, newest first."""
    project = project_of(request, slug)
    found = CommandRun.objects.filter(environment__project=project).select_related("environment", "release")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "page": page,
        "failed": found.exclude(exit_code__in=[0]).exclude(exit_code=None).count(),
    }
    return render(request, "releases/runs.html", context)


@require_GET
def run(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One command with its output."""
    project = project_of(request, slug)
    found = get_object_or_404(
        CommandRun.objects.select_related("environment", "release"), environment__project=project, pk=number
    )
    return render(request, "releases/run.html", {"project": project, "run": found})


@require_GET
@needs(Role.ADMIN)
def env(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """The variables of an environment: names and versions, never values."""
    project = project_of(request, slug)
    where = get_object_or_404(Environment.objects.select_related("live__release"), project=project, name=name)
    context = {
        "project": project,
        "environment": where,
        "found": variables.kept(where),
        "version": variables.version(where),
    }
    return render(request, "releases/env.html", context)


@require_POST
@needs(Role.ADMIN)
def env_change(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Set or take away one variable, and deploy what serves with it."""
    project = project_of(request, slug)
    where = get_object_or_404(Environment, project=project, name=name)
    value = None if request.POST.get("unset") else request.POST.get("value", "")
    try:
        number = variables.change(
            where, {request.POST.get("name", "").strip(): value}, by=actor(request), at=timezone.now()
        )
    except ReleaseError as error:
        messages.error(request, str(error))
        return redirect("environment-env", slug, name)
    told = f"Version {number} of the variables is kept"
    if where.live_id:
        told += f"; job {jobs.ask_redeploy(where, actor(request)).pk} deploys it"
    messages.success(request, f"{told}.")
    return redirect("environment-env", slug, name)


urlpatterns = [
    *preview_pages.urlpatterns,
    path("p/<slug:slug>/commands/", runs, name="command-runs"),
    path("p/<slug:slug>/commands/<int:number>/", run, name="command-run"),
    path("p/<slug:slug>/environments/<slug:name>/env/", env, name="environment-env"),
    path("p/<slug:slug>/environments/<slug:name>/env/change/", env_change, name="environment-env-change"),
    path("p/<slug:slug>/releases/", releases, name="releases"),
    path("p/<slug:slug>/releases/<int:number>/", release, name="release"),
    path("p/<slug:slug>/releases/<int:number>/deploy/", begin, name="release-deploy"),
    path("p/<slug:slug>/deploys/<int:number>/", deploy, name="deploy"),
    path("p/<slug:slug>/deploys/<int:number>/resume/", resume, name="deploy-resume"),
    path("p/<slug:slug>/environments/<slug:name>/rollback/", roll_back, name="environment-rollback"),
]
NAVIGATION = [Entry("Releases", "releases", "package", "v", 62)]
