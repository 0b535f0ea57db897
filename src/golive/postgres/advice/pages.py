"""Pages of advice: what to change about the database's indexes and statements, and what became of earlier advice."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.jobs.models import Job
from golive.jobs.queue import enqueue
from golive.people import audit
from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor
from golive.postgres.advice.models import Advice, AdviceRun, Stage
from golive.postgres.base import Database

PENDING = ("queued", "running")


@require_GET
def advice(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest run, and what earlier ones brought."""
    project = project_of(request, slug)
    database = Database.objects.filter(project=project).first()
    if database is None:
        return render(request, "postgres/none.html", {"project": project})
    run = AdviceRun.objects.filter(database=database).first()
    changes: list[Advice] = list(Advice.objects.filter(run=run)) if run else []
    findings: list[dict[str, Any]] = run.findings if run else []
    context = {
        "project": project,
        "database": database,
        "run": run,
        "open": [one for one in changes if one.stage != Stage.REFUSED],
        "refused": [one for one in changes if one.stage == Stage.REFUSED],
        "traps": [finding for finding in findings if finding["traps"]],
        "findings": sorted(findings, key=lambda one: -float(one["total_ms"])),
        "earlier": Advice.objects.filter(run__database=database, stage__in=(Stage.SEEN, Stage.PROVED))
        .exclude(run=run)
        .order_by("-id")[:30],
        "job": Job.objects.filter(kind="database.advise", subject=slug, state__in=PENDING).first(),
        "sentence": sentence(run, changes),
    }
    return render(request, "postgres/advice.html", context)


def sentence(run: AdviceRun | None, changes: list[Advice]) -> str:
    """The page's first sentence."""
    if run is None:
        return "nobody has asked for advice yet"
    proved = sum(one.stage in (Stage.PROVED, Stage.SEEN) for one in changes)
    predicted = sum(one.stage == Stage.PREDICTED for one in changes)
    if not proved and not predicted:
        return f"nothing to change: {run.statements} statements were looked at"
    parts = [f"{proved} proved" if proved else "", f"{predicted} predicted" if predicted else ""]
    return f"{' and '.join(filter(None, parts))} {'change' if proved + predicted == 1 else 'changes'} to make"


@require_POST
@needs(Role.ADMIN)
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """Put a run into the queue."""
    project = project_of(request, slug)
    database = Database.objects.filter(project=project).first()
    if database is None:
        messages.error(request, "There is no [database] in golive.toml yet.")
    elif Job.objects.filter(kind="database.advise", subject=slug, state__in=PENDING).exists():
        messages.info(request, "The advisor is at work already.")
    else:
        by = actor(request)
        payload = {"database": database.pk, "by": by}
        enqueue("database.advise", payload, now=timezone.now(), subject=slug, requested_by=by)
        audit.record(by, "database.advise", slug, project=project)
        messages.success(request, "The advisor begins; this page shows its answer when it is done.")
    return redirect("database-advice", slug)


NAVIGATION = [Entry("Advice", "database-advice", "bulb", "a", 72)]
urlpatterns = [
    path("p/<slug:slug>/database/advice/", advice, name="database-advice"),
    path("p/<slug:slug>/database/advice/ask/", ask, name="database-advice-ask"),
]
