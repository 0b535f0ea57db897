"""The page of backups: are they there, and were they restored?"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor
from golive.postgres.backups.asked import ask_for_drill, at_work
from golive.postgres.backups.setup import exported, plan_of
from golive.postgres.door import of_database
from golive.postgres.models import Database


@require_GET
@of_database
def backups(request: HttpRequest, database: Database) -> HttpResponse:
    """Backups and drills, newest first."""
    conditions = {one.kind: one for one in database.conditions.filter(kind__in=("backup", "drill"))}
    context = {
        "project": database.project,
        "plan": plan_of(database),
        "backups": database.backups.all()[:30],
        "drills": database.drills.select_related("backup")[:10],
        "backup": conditions.get("backup"),
        "drill": conditions.get("drill"),
        "exported": exported(database),
        "job": at_work(database),
    }
    return render(request, "postgres/backups.html", context)


@require_POST
@needs(Role.ADMIN)
@of_database
def run_drill(request: HttpRequest, database: Database) -> HttpResponse:
    """Queue a drill now."""
    if ask_for_drill(database, actor(request)) is None:
        messages.warning(request, "A backup or drill is at work already.")
    else:
        messages.success(request, "The drill is queued; its outcome appears here.")
    return redirect("database-backups", database.project.slug)


urlpatterns = [
    path("p/<slug:slug>/database/backups/", backups, name="database-backups"),
    path("p/<slug:slug>/database/backups/drill/", run_drill, name="database-drill"),
]
