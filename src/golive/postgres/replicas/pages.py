"""The page of read replicas: how they follow, and what they could take over."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from golive.console.frame import project_of
from golive.postgres.models import Database
from golive.postgres.replicas.standing import standing


@require_GET
def replicas(request: HttpRequest, slug: str) -> HttpResponse:
    """How the replicas stand."""
    project = project_of(request, slug)
    database = Database.objects.filter(project=project).select_related("project").first()
    if database is None:
        return render(request, "postgres/none.html", {"project": project})
    return render(request, "postgres/replicas.html", {"project": project, **standing(database, timezone.now())})


urlpatterns = [path("p/<slug:slug>/database/replicas/", replicas, name="database-replicas")]
