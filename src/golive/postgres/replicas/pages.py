"""The page of read replicas: how they follow, and what they could take over."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from golive.postgres.door import of_database
from golive.postgres.models import Database
from golive.postgres.replicas.standing import standing


@require_GET
@of_database
def replicas(request: HttpRequest, database: Database) -> HttpResponse:
    """How the replicas stand."""
    context = {"project": database.project, **standing(database, timezone.now())}
    return render(request, "postgres/replicas.html", context)


urlpatterns = [path("p/<slug:slug>/database/replicas/", replicas, name="database-replicas")]
