"""The page of the pool: who waits, what it may hold, what transaction mode would break, who holds connections."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from golive.postgres.door import of_database
from golive.postgres.models import Database
from golive.postgres.pool.standing import kept, standing


@require_GET
@of_database
def pool(request: HttpRequest, database: Database) -> HttpResponse:
    """How the pool stands."""
    holders = kept(database, "connections")
    context = {"project": database.project, "holders": holders, **standing(database, timezone.now())}
    template = "postgres/pool_live.html" if request.headers.get("HX-Request") else "postgres/pool.html"
    return render(request, template, context)


urlpatterns = [path("p/<slug:slug>/database/pool/", pool, name="database-pool")]
