"""The page of the pool: who waits, what it may hold, what transaction mode would break, who holds connections."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from golive.console.frame import project_of
from golive.postgres.models import Database
from golive.postgres.pool.standing import kept, standing


@require_GET
def pool(request: HttpRequest, slug: str) -> HttpResponse:
    """How the pool stands."""
    project = project_of(request, slug)
    database = Database.objects.filter(project=project).select_related("project").first()
    if database is None:
        return render(request, "postgres/none.html", {"project": project})
    holders = kept(database, "connections")
    context = {"project": project, "holders": holders, **standing(database, timezone.now())}
    template = "postgres/pool_live.html" if request.headers.get("HX-Request") else "postgres/pool.html"
    return render(request, template, context)


urlpatterns = [path("p/<slug:slug>/database/pool/", pool, name="database-pool")]
