"""The page of growth: what runs out first, what to do in which order, and whether a cache would pay."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from golive.jobs.models import Job, State
from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor
from golive.postgres.base import Database
from golive.postgres.door import of_database
from golive.postgres.grow.tasks import GROW, ask, newest


@require_GET
@of_database
def growth(request: HttpRequest, database: Database) -> HttpResponse:
    """The newest measurement that ended well, and what is at work."""
    done = Job.objects.filter(kind=GROW, subject=f"grow:{database.pk}", state=State.DONE).order_by("-id").first()
    found = done.result if done else None
    context = {"project": database.project, "done": done, "found": found, "job": newest(database)}
    return render(request, "postgres/growth.html", context)


@require_POST
@needs(Role.ADMIN)
@of_database
def measure_now(request: HttpRequest, database: Database) -> HttpResponse:
    """Queue a measurement."""
    if ask(database, actor(request)) is None:
        messages.warning(request, "It is being measured already.")
    else:
        messages.success(request, "golive watches for a minute; what it saw appears here.")
    return redirect("database-growth", database.project.slug)


urlpatterns = [
    path("p/<slug:slug>/database/growth/", growth, name="database-growth"),
    path("p/<slug:slug>/database/growth/measure/", measure_now, name="database-growth-measure"),
]
