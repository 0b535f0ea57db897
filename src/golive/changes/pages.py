"""The changes page: everything that was deployed or altered, newest first."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from golive.changes.models import Change, Kind
from golive.console.frame import project_of
from golive.console.navigation import Entry

PAGE = 50


def changes(request: HttpRequest, slug: str) -> HttpResponse:
    """What changed, newest first, filtered by kind."""
    project = project_of(request, slug)
    found = Change.objects.filter(project=project)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    today = found.filter(at__gte=midnight).exclude(kind=Kind.INCIDENT)
    kind = request.GET.get("kind", "")
    page = Paginator(found.filter(kind=kind) if kind in Kind else found, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "changes/list.html",
        {
            "project": project,
            "page": page,
            "kind": kind,
            "kinds": Kind.choices,
            "deploys": today.filter(kind=Kind.DEPLOY).count(),
            "others": today.exclude(kind=Kind.DEPLOY).count(),
        },
    )


urlpatterns = [path("p/<slug:slug>/changes/", changes, name="changes")]
NAVIGATION = [Entry("Changes", "changes", "git-commit", "d", 60)]
