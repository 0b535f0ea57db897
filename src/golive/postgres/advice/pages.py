"""Pages of advice: what to change about the database's indexes and statements, and what became of earlier advice."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from golive.console.navigation import Entry
from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor
from golive.postgres.advice import record, tasks
from golive.postgres.advice.migration import written
from golive.postgres.advice.models import Advice, AdviceRun, Stage
from golive.postgres.advice.plan import Framework
from golive.postgres.base import Database
from golive.postgres.door import of_database


@require_GET
@of_database
def advice(request: HttpRequest, database: Database) -> HttpResponse:
    """The newest run, and what earlier ones brought."""
    run = AdviceRun.objects.filter(database=database).first()
    changes: list[Advice] = list(Advice.objects.filter(run=run)) if run else []
    findings: list[dict[str, Any]] = run.findings if run else []
    context = {
        "project": database.project,
        "database": database,
        "run": run,
        "open": [one for one in changes if one.stage != Stage.REFUSED],
        "refused": [one for one in changes if one.stage == Stage.REFUSED],
        "traps": [finding for finding in findings if finding["traps"]],
        "findings": sorted(findings, key=lambda one: -float(one["total_ms"])),
        "record": [one for one in record.record(database) if one.stage != Stage.PREDICTED],
        "ratio": run.cost_after / run.cost_before if run and run.cost_before else None,
        "frameworks": list(Framework),  # an enum is called by templates
        "proved": any(one.stage == Stage.PROVED for one in changes),
        "job": tasks.at_work(database),
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
@of_database
def ask(request: HttpRequest, database: Database) -> HttpResponse:
    """Put a run into the queue."""
    if tasks.ask(database, actor(request)) is None:
        messages.info(request, "The advisor is at work already.")
    else:
        messages.success(request, "The advisor begins; this page shows its answer when it is done.")
    return redirect("database-advice", database.project.slug)


@require_GET
@of_database
def migration(request: HttpRequest, database: Database, framework: str) -> HttpResponse:
    """The newest run's proved changes as a file for a framework."""
    run = AdviceRun.objects.filter(database=database).first()
    steps = record.steps(run) if run else []
    if framework not in list(Framework) or not steps:
        raise Http404
    suffix = "sql" if framework == Framework.SQL else "py"
    response = HttpResponse(written(Framework(framework), steps), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="golive_indexes.{suffix}"'
    return response


NAVIGATION = [Entry("Advice", "database-advice", "bulb", "a", 72)]
urlpatterns = [
    path("p/<slug:slug>/database/advice/", advice, name="database-advice"),
    path("p/<slug:slug>/database/advice/migration/<slug:framework>/", migration, name="database-advice-migration"),
    path("p/<slug:slug>/database/advice/ask/", ask, name="database-advice-ask"),
]
