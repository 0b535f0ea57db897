"""The page of large tables: what is partitioned, what goes to cold storage, and when."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from golive.alerts.models import State
from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor
from golive.postgres.archive.declared import plans_of
from golive.postgres.archive.runs import Run, runs_of
from golive.postgres.archive.tasks import ask
from golive.postgres.base import Database
from golive.postgres.door import of_database
from golive.postgres.partition.standing import Standing
from golive.postgres.partition.standings import standings


@require_GET
@of_database
def tables(request: HttpRequest, database: Database) -> HttpResponse:
    """Declared partitions as they are now, and each archive's last run."""
    found, runs = standings(database), runs_of(database)
    context = {"project": database.project, "partitions": found, "archives": runs, "sentence": sentence(found, runs)}
    return render(request, "postgres/tables.html", context)


def sentence(found: list[Standing], runs: list[Run]) -> str:
    """The page's first sentence."""
    if not found and not runs:
        return "no table is declared as partitioned or archived"
    firing = [one for one in found if one.state == State.FIRING]
    if firing:
        return f"{firing[0].plan.table}: {firing[0].reason}"
    failed = [run for run in runs if run.state == "failed"]
    if failed:
        return f"the archive {failed[0].name} failed: {failed[0].reason}"
    parts = [_counted(len(found), "table", "partitioned"), _counted(len(runs), "table", "archived")]
    unsure = [one for one in found if one.state == State.UNKNOWN]
    return " and ".join(filter(None, parts)) + (f"; {unsure[0].plan.table}: {unsure[0].reason}" if unsure else "")


def _counted(count: int, what: str, how: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'} {how}" if count else ""


@require_POST
@needs(Role.ADMIN)
@of_database
def run(request: HttpRequest, database: Database, name: str) -> HttpResponse:
    """Queue a run of an archive now."""
    if name not in plans_of(database):
        raise Http404
    if ask(database, name, actor(request)) is None:
        messages.warning(request, "It is at work already.")
    else:
        messages.success(request, "The archive is queued; what it moved appears here.")
    return redirect("database-tables", database.project.slug)


urlpatterns = [
    path("p/<slug:slug>/database/tables/", tables, name="database-tables"),
    path("p/<slug:slug>/database/tables/archive/<str:name>/", run, name="database-archive-run"),
]
