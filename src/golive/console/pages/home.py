"""The page one opens every morning: one sentence, then the business, then the state of everything."""

import logging
import time

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from golive.console import panels
from golive.console.frame import project_of
from golive.people.models import Project

log = logging.getLogger(__name__)
QUIET_SECONDS = 60.0


class Failures:
    """Logs a failure once a minute: a page refreshes every few seconds and a store may be away for long."""

    def __init__(self) -> None:
        self.logged: dict[str, float] = {}

    def note(self, what: str, error: Exception, now: float) -> bool:
        """Log unless it was logged within the last minute; whether it was. `now` is monotonic seconds."""
        if now - self.logged.get(what, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self.logged[what] = now
        log.error("%s of the home page failed", what, exc_info=error)
        return True


failures = Failures()


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
        except Exception as error:
            failures.note(f"the sentence of order {part.order}", error, time.monotonic())
            continue
        if said:
            clauses.append(said.strip().rstrip(".;"))
    if not clauses:
        return f"Nothing is known of {project.name} yet."
    told = f"{'; '.join(clauses)}."
    return told if told.startswith(project.name) else f"{project.name}: {told}"


def home(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    context = {"project": project, "panels": panels.panels(), "sentence": sentence(project)}
    response = render(request, "console/home.html", context)
    response.set_cookie("golive_project", project.slug, max_age=31_536_000, samesite="Lax", httponly=True)
    return response


def headline(request: HttpRequest, slug: str) -> HttpResponse:
    """The first sentence alone, refreshed in place."""
    return HttpResponse(sentence(project_of(request, slug)), content_type="text/plain; charset=utf-8")


def panel(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """One panel's HTML. A panel that fails says so in its place and leaves the others alone."""
    project = project_of(request, slug)
    found = panels.panel(name)
    if found is None:
        raise Http404(f"There is no panel {name}.")
    try:
        return HttpResponse(found.render(request, project))
    except Exception as error:
        failures.note(f"the panel {name}", error, time.monotonic())
        return render(request, "console/panel_failed.html", {"name": name.replace("-", " ")})
