"""The page of growth: what runs out first, what to do in which order, and whether a cache would pay."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from golive.console.frame import project_of
from golive.jobs.models import Job, State
from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor
from golive.postgres.base import Database
from golive.postgres.grow.tasks import GROW, ask, newest


@require_GET
def growth(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest measurement that ended well, and what is at work."""
    project = project_of(request, slug)
    database = Database.objects.filter(project=project).select_related("project").first()
    if database is None:
        return render(request, "postgres/none.html", {"project": project})
    done = Job.objects.filter(kind=GROW, subject=f"grow:{database.pk}", state=State.DONE).order_by("-id").first()
    context = {"project": project, "done": done, "found": done.result if done else None, "job": newest(database)}
    return render(request, "postgres/growth.html", context)


@require_POST
@needs(Role.ADMIN)
def measure_now(request: HttpRequest, slug: str) -> HttpResponse:
    """Queue a measurement."""
    project = project_of(request, slug)
    database = get_object_or_404(Database.objects.select_related("project"), project=project)
    if ask(database, actor(request)) is None:
        messages.warning(request, "It is being measured already.")
    else:
        messages.success(request, "golive watches for a minute; what it saw appears here.")
    return redirect("database-growth", slug)


urlpatterns = [
    path("p/<slug:slug>/database/growth/", growth, name="database-growth"),
    path("p/<slug:slug>/database/growth/measure/", measure_now, name="database-growth-measure"),
]
