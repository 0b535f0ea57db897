"""The page of backups: are they there, and were they restored?"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from golive.console.frame import project_of
from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor
from golive.postgres.backups.asked import ask_for_drill, at_work
from golive.postgres.backups.setup import exported, plan_of
from golive.postgres.models import Database


@require_GET
def backups(request: HttpRequest, slug: str) -> HttpResponse:
    """Backups and drills, newest first."""
    project = project_of(request, slug)
    database = Database.objects.filter(project=project).select_related("project").first()
    if database is None:
        return render(request, "postgres/none.html", {"project": project})
    conditions = {one.kind: one for one in database.conditions.filter(kind__in=("backup", "drill"))}
    context = {
        "project": project,
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
def run_drill(request: HttpRequest, slug: str) -> HttpResponse:
    """Queue a drill now."""
    project = project_of(request, slug)
    database = get_object_or_404(Database.objects.select_related("project"), project=project)
    if ask_for_drill(database, actor(request)) is None:
        messages.warning(request, "A backup or drill is at work already.")
    else:
        messages.success(request, "The drill is queued; its outcome appears here.")
    return redirect("database-backups", slug)


urlpatterns = [
    path("p/<slug:slug>/database/backups/", backups, name="database-backups"),
    path("p/<slug:slug>/database/backups/drill/", run_drill, name="database-drill"),
]
