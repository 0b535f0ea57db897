"""The page one opens every morning: one sentence, then the business, then the state of everything."""

import logging

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from golive.console import panels
from golive.console.frame import project_of
from golive.people.models import Project

log = logging.getLogger(__name__)


def first(request: HttpRequest) -> HttpResponse:
    """The address without a path: the project seen last in this browser, or the only one, or the list."""
    seen = Project.objects.filter(slug=request.COOKIES.get("golive_project", "")).first()
    project = seen or Project.objects.first()
    return redirect("home", project.slug) if project else redirect("projects")


def sentence(project: Project) -> str:
    """The first sentence, of what the rooms have to say. A room that cannot tell is left out and logged."""
    clauses = []
    for part in panels.sentences():
        try:
            said = part.tell(project)
        except Exception:
            log.exception("a room could not tell its part of the headline")
            continue
        if said:
            clauses.append(said.strip().rstrip(".;"))
    text = "; ".join(clauses)
    return f"{text[0].upper() if text[:1].islower() and not text.startswith(project.slug) else text[:1]}{text[1:]}."


def home(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    context = {"project": project, "panels": panels.panels(), "sentence": told(project)}
    response = render(request, "console/home.html", context)
    response.set_cookie("golive_project", project.slug, max_age=31_536_000, samesite="Lax", httponly=True)
    return response


def headline(request: HttpRequest, slug: str) -> HttpResponse:
    """The first sentence alone, refreshed in place."""
    return HttpResponse(told(project_of(request, slug)), content_type="text/plain; charset=utf-8")


def told(project: Project) -> str:
    return sentence(project) if panels.sentences() else f"Nothing is known of {project.name} yet."


def panel(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """One panel's HTML. A panel that fails says so in its place and leaves the others alone."""
    project = project_of(request, slug)
    found = panels.panel(name)
    if found is None:
        raise Http404(f"There is no panel {name}.")
    try:
        return HttpResponse(found.render(request, project))
    except Exception:
        log.exception("the panel %s could not be drawn", name)
        return render(request, "console/panel_failed.html", {"name": name.replace("-", " ")})
