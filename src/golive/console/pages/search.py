"""Search over everything that rooms can find."""

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from golive.console import panels
from golive.console.frame import project_of
from golive.people.models import Project

log = logging.getLogger(__name__)
EACH = 8


def search(request: HttpRequest) -> HttpResponse:
    """What each room finds for `?q=` in `?project=` (or the first project)."""
    text = request.GET.get("q", "").strip()[:200]
    slug = request.GET.get("project") or Project.objects.values_list("slug", flat=True).first()
    project = project_of(request, slug) if slug else None
    groups, failed = [], []
    if project and text:
        for room in panels.searches():
            try:
                hits = list(room.find(project, text, EACH))
            except Exception:
                log.exception("search in %s failed", room.name)
                failed.append(room.name)
                continue
            if hits:
                groups.append((room.name, hits))
    context = {
        "project": project,
        "search_query": text,
        "groups": groups,
        "failed": failed,
        "count": sum(len(hits) for _, hits in groups),
    }
    return render(request, "console/search.html", context)
