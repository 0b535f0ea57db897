"""Pages: the runs, one run with its bars and live logs, flaky tests."""

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.people import audit
from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor
from golive.pipelines import digest as digests
from golive.pipelines import engine, flaky, logs, view, webhooks
from golive.pipelines.load import pages as load_pages
from golive.pipelines.models import FailedTest, FlakyTest, LoadTest, Run, RunStep
from golive.pipelines.outcome import State
from golive.pipelines.stages import WHOLE_BUDGET

PAGE = 30
LINES = 500


def runs(request: HttpRequest, slug: str) -> HttpResponse:
    """The runs, newest first, by branch and state; trends of the stages."""
    project = project_of(request, slug)
    every = Run.objects.filter(project=project)
    found = every
    branch, state = (request.GET.get(name, "") for name in ("branch", "state"))
    if branch:
        found = found.filter(ref__icontains=branch)
    if state in ("passed", "failed", "running", "cancelled", "unknown"):
        found = found.filter(state=state)
    last = every.first()
    context = {
        "project": project,
        "page": Paginator(found.select_related("project"), PAGE).get_page(request.GET.get("page")),
        "headline": view.headline(last) if last else "",
        "branch": branch,
        "state": state,
        "total": every.count(),
        "trends": view.trends(project),
        "flaky": FlakyTest.objects.filter(project=project)[:10],
        "load": LoadTest.objects.filter(project=project).select_related("project").first(),
        "now": timezone.now(),
        "budget": WHOLE_BUDGET,
    }
    return render(request, "pipelines/list.html", context)


def digest(request: HttpRequest, slug: str) -> HttpResponse:
    """A week in figures; the one that goes on unless another is asked for."""
    project = project_of(request, slug)
    this = digests.monday(timezone.now().date())
    try:
        first = min(digests.monday(date.fromisoformat(request.GET["week"])), this)
    except (KeyError, ValueError):
        first = this
    context = {
        "project": project,
        "digest": digests.of_week(project, first),
        "earlier": first - digests.WEEK,
        "later": first + digests.WEEK if first < this else None,
    }
    return render(request, "pipelines/digest.html", context)


def run(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One run."""
    return render(request, "pipelines/run.html", _context(_run(request, slug, number)))


def live(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The part of the run's page that moves."""
    return render(request, "pipelines/live.html", _context(_run(request, slug, number)) | {"swap": True})


def step(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponse:
    """One step: its key explained, its failed tests, its log as it grows."""
    found = _run(request, slug, number)
    row = get_object_or_404(RunStep, run=found, name=name)
    said = list(logs.lines(logs.folder(slug, number) / f"{row.name}.log"))
    context = {
        "project": found.project,
        "run": found,
        "step": row,
        "lines": said[-LINES:],
        "cut": max(0, len(said) - LINES),
        "artifacts": [one.removeprefix(f"{row.name}/") for one in row.artifacts],
        "failures": FailedTest.objects.filter(step=row)[:50],
        "going": not State(row.state).ended,
    }
    return render(request, "pipelines/log.html" if request.GET.get("part") else "pipelines/step.html", context)


@require_GET
def artifact(request: HttpRequest, slug: str, number: int, name: str, path: str) -> FileResponse:
    """A file that a step's run kept; always handed out, never shown: a stranger's code may have made it."""
    found = _run(request, slug, number)
    row = get_object_or_404(RunStep, run=found, name=name)
    wanted = f"{row.name}/{path}"
    place = logs.folder(slug, number) / "artifacts" / wanted
    if wanted not in row.artifacts or not place.is_file() or place.is_symlink():
        raise Http404(f"{name} of #{number} kept no {path}.")
    return FileResponse(
        place.open("rb"), as_attachment=True, filename=place.name, content_type="application/octet-stream"
    )


@require_POST
@needs(Role.RESPONDER)
def cancel(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Stop a run."""
    found = _run(request, slug, number)
    by = actor(request)
    if engine.cancel(found, f"cancelled by {by}"):
        audit.record(by, "run.cancel", f"#{number}", project=found.project)
        messages.success(request, f"#{number} is being stopped.")
    else:
        messages.error(request, f"#{number} is over already.")
    return redirect("run", slug, number)


@require_POST
@needs(Role.RESPONDER)
def again(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Run the same commit once more; results that are kept are used."""
    found = _run(request, slug, number)
    by = actor(request)
    made = engine.again(found, by)
    audit.record(by, "run.again", f"#{number}", project=found.project, run=made.number)
    return redirect("run", slug, made.number)


@require_POST
@needs(Role.ADMIN)
def approve(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Let a fork's pull request run."""
    found = _run(request, slug, number)
    by = actor(request)
    if engine.approve(found, by):
        audit.record(by, "run.approve", f"#{number}", project=found.project, commit=found.commit)
    return redirect("run", slug, number)


@require_POST
@needs(Role.RESPONDER)
def quarantine(request: HttpRequest, slug: str) -> HttpResponse:
    """Excuse a flaky test for a while, or end that."""
    project = project_of(request, slug)
    given, by, now = request.POST, actor(request), timezone.now()
    name = given.get("test", "")
    if given.get("end"):
        flaky.release(project, name, by)
        return redirect("runs", slug)
    days = given.get("days", "7")
    until = now + timedelta(days=int(days) if days.isdigit() else 0)
    keep = {"owner": given.get("owner", ""), "reason": given.get("reason", "")}
    try:
        flaky.quarantine(project, name, until=until, now=now, actor=by, **keep)
    except flaky.QuarantineError as error:
        messages.error(request, str(error))
    return redirect("runs", slug)


def _run(request: HttpRequest, slug: str, number: int) -> Run:
    project = project_of(request, slug)
    found = Run.objects.select_related("project").filter(project=project, number=number).first()
    if found is None:
        raise Http404(f"{project} has no run #{number}.")
    return found


def _context(found: Run) -> dict[str, Any]:
    return {
        "project": found.project,
        "run": found,
        "rows": view.rows(found),
        "headline": view.headline(found),
        "seconds": view.so_far(found),
        "over": found.is_over,
        "needs_approval": found.fork and not found.approved_by and not found.is_over,
    }


urlpatterns = [
    path("p/<slug:slug>/runs/", runs, name="runs"),
    path("p/<slug:slug>/runs/digest/", digest, name="run-digest"),
    path("p/<slug:slug>/runs/quarantine/", quarantine, name="run-quarantine"),
    path("p/<slug:slug>/runs/<int:number>/", run, name="run"),
    path("p/<slug:slug>/runs/<int:number>/live/", live, name="run-live"),
    path("p/<slug:slug>/runs/<int:number>/steps/<str:name>/", step, name="run-step"),
    path("p/<slug:slug>/runs/<int:number>/steps/<str:name>/artifacts/<path:path>", artifact, name="run-artifact"),
    path("p/<slug:slug>/runs/<int:number>/cancellation/", cancel, name="run-cancel"),
    path("p/<slug:slug>/runs/<int:number>/repetition/", again, name="run-again"),
    path("p/<slug:slug>/runs/<int:number>/approval/", approve, name="run-approve"),
    *load_pages.urlpatterns,
    path("hooks/git/<slug:slug>/", webhooks.receive, name="git-webhook"),
]
NAVIGATION = [Entry("Runs", "runs", "rocket", "u", 61)]
