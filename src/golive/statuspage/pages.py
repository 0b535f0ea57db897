"""The public page, served from its files, and the page where responders write it."""

from datetime import timedelta
from pathlib import Path

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.http import http_date, parse_http_date_safe
from django.views.decorators.http import require_POST, require_safe

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.incidents.lifecycle import CLOSED
from golive.incidents.models import Incident
from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor
from golive.statuspage import publish, telling
from golive.statuspage.document import compose
from golive.statuspage.models import Component, Told
from golive.statuspage.standing import Status

STALE_AFTER = timedelta(minutes=5)
TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".atom": "application/atom+xml"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
STALE = '<p class="stale" role="alert">Not brought up to date since {at}: what follows may be wrong.</p>'


@login_not_required
@require_safe
def public(request: HttpRequest, slug: str, name: str = "index.html") -> HttpResponse:
    """A file of the public page. Touches neither database nor store, sets no cookie."""
    folder = publish.folder_of(slug)
    file = _file(folder, name)
    changed = file.stat().st_mtime
    if (since := parse_http_date_safe(request.headers.get("if-modified-since", ""))) and int(changed) <= since:
        return HttpResponseNotModified()
    content = file.read_bytes()
    if file.suffix == ".html" and timezone.now().timestamp() - changed > STALE_AFTER.total_seconds():
        content = content.replace(b"<!--stale-->", STALE.format(at=http_date(changed)).encode())
    answer = HttpResponse(content, content_type=TYPES[file.suffix])
    answer["Last-Modified"] = http_date(changed)
    answer["Cache-Control"] = "public, max-age=5"
    answer["Content-Security-Policy"] = POLICY
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def _file(folder: Path, name: str) -> Path:
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.parent.resolve()) or file.suffix not in TYPES or not file.is_file():
        raise Http404("There is no such status page.")
    return file


def statuspage(request: HttpRequest, slug: str) -> HttpResponse:
    """What customers see, and what may be told."""
    project = project_of(request, slug)
    page = compose(project, timezone.now())
    context = {
        "project": project,
        "page": page,
        "settings": telling.page_of(project),
        "public_url": publish.public_url(slug),
        "untold": Incident.objects.filter(project=project, notice=None).exclude(state__in=CLOSED)[:20],
        "told_choices": Told.choices,
    }
    return render(request, "statuspage/admin.html", context)


@require_POST
@needs(Role.RESPONDER)
def update(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Publish an update that a responder wrote."""
    project = project_of(request, slug)
    incident = get_object_or_404(Incident, project=project, number=number)
    given = request.POST
    try:
        told = Told(given.get("told", ""))
        affected = {
            component.code: Status(given[f"status-{component.code}"])
            for component in Component.objects.filter(project=project)
            if given.get(f"status-{component.code}")
        }
        telling.tell(
            incident,
            told,
            given.get("body", ""),
            actor(request),
            timezone.now(),
            title=given.get("title", ""),
            affected=affected,
        )
        publish.write(project, timezone.now())
    except telling.TellingError as error:
        messages.error(request, str(error))
    except ValueError:
        messages.error(request, "Choose what to tell: investigating, identified, monitoring or resolved.")
    else:
        messages.success(request, f"Published: {told.label.lower()}.")
    return redirect(incident.link) if given.get("from") == "incident" else redirect("statuspage", slug)


urlpatterns = [
    path("p/<slug:slug>/statuspage/", statuspage, name="statuspage"),
    path("p/<slug:slug>/statuspage/<int:number>/updates/", update, name="statuspage-update"),
    path("status/<slug:slug>/", public, name="status"),
    path("status/<slug:slug>/<path:name>", public, name="status-file"),
]
NAVIGATION = [Entry("Status page", "statuspage", "broadcast", "p", 55)]
