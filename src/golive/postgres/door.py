"""The way by which pages and API come to a project's database."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from golive.console.frame import project_of
from golive.postgres.base import Database

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, Database, P], HttpResponse]


def database_at(slug: str) -> Database:
    """The database of the project of this slug. 404 when there is none."""
    found: Database = get_object_or_404(Database.objects.select_related("project"), project__slug=slug)
    return found


def of_database(page: Page[P]) -> Callable[..., HttpResponse]:
    """A view of a project's slug from a page of its database; a project without one is told how to declare it."""

    @wraps(page)
    def view(request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        project = project_of(request, slug)
        database = Database.objects.filter(project=project).select_related("project").first()
        if database is None:
            return render(request, "postgres/none.html", {"project": project})
        return page(request, database, *args, **kwargs)

    return view
