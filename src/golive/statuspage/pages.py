"""The public page, served from its files, and the page where responders write it."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.incidents.lifecycle import CLOSED
from golive.incidents.models import Incident
from golive.people.models import Role
from golive.people.permissions import may, needs
from golive.people.tokens import actor
from golive.statuspage import files, maintenance, publish, subscribe_pages, telling
from golive.statuspage.document import compose
from golive.statuspage.models import Component, Maintenance, Stage, Subscriber, Told
from golive.statuspage.panels import CHOICES
from golive.statuspage.standing import Status


@login_not_required
@require_safe
def public(request: HttpRequest, slug: str, name: str = "index.html") -> HttpResponse:
    """A file of the public page, where no middleware has answered already. Touches neither database nor store."""
    headers = {key.lower(): value for key, value in request.headers.items()}
    found = files.reply(files.Shelf(files.root()), slug, name, headers, timezone.now().timestamp())
    if found is None:
        raise Http404("There is no such status page.")
    return HttpResponse(found.body, status=found.status, headers=dict(found.headers))


def statuspage(request: HttpRequest, slug: str) -> HttpResponse:
    """What customers see, and what may be told."""
    project = project_of(request, slug)
    page, settings = compose(project, timezone.now()), telling.page_of(project)
    context = {
        "project": project,
        "page": page,
        "settings": settings,
        "public_url": publish.public_url(slug),
        "stages": Stage.choices,
        "zone": timezone.get_current_timezone_name(),
        "may_write": may(request.user, Role.RESPONDER),
        "chosen": next((one for one in settings.templates if one["name"] == request.GET.get("template")), None),
        "subscribers": Subscriber.objects.filter(project=project).exclude(confirmed_at=None).count(),
        "unconfirmed": Subscriber.objects.filter(project=project, confirmed_at=None).count(),
        "untold": Incident.objects.filter(project=project, notice=None).exclude(state__in=CLOSED)[:20],
        "told_choices": CHOICES,
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


@require_POST
@needs(Role.RESPONDER)
def hold(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Keep golive from telling customers by itself, or let it again."""
    incident = get_object_or_404(Incident, project=project_of(request, slug), number=number)
    act = telling.release if request.POST.get("do") == "release" else telling.hold
    act(incident, actor(request), timezone.now())
    return redirect(incident.link)


@require_POST
@needs(Role.RESPONDER)
def postmortem(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Publish what was learned."""
    project = project_of(request, slug)
    incident = get_object_or_404(Incident, project=project, number=number, notice__isnull=False)
    if incident.is_open:
        messages.error(request, "It is still on: tell customers how it stands on the incident's page.")
        return redirect("incident-review", slug, number)
    try:
        telling.tell(incident, Told.POSTMORTEM, request.POST.get("body", ""), actor(request), timezone.now())
        publish.write(project, timezone.now())
        messages.success(request, "Published.")
    except telling.TellingError as error:
        messages.error(request, str(error))
    return redirect("incident-review", slug, number)


@require_POST
@needs(Role.RESPONDER)
def new_maintenance(request: HttpRequest, slug: str) -> HttpResponse:
    """Announce scheduled maintenance."""
    project, given, now = project_of(request, slug), request.POST, timezone.now()
    zone = timezone.get_current_timezone()
    try:
        times = [datetime.fromisoformat(given.get(name, "")).replace(tzinfo=zone) for name in ("starts_at", "ends_at")]
        codes = given.getlist("components")
        maintenance.schedule(
            project, given.get("title", ""), given.get("body", ""), times[0], times[1], codes, actor(request), now
        )
        publish.write(project, now)
        messages.success(request, "Announced; subscribers are told.")
    except ValueError:
        messages.error(request, "Say when it starts and when it ends.")
    except maintenance.MaintenanceError as error:
        messages.error(request, str(error))
    return redirect("statuspage", slug)


@require_POST
@needs(Role.RESPONDER)
def update_maintenance(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Tell of a maintenance by hand."""
    project = project_of(request, slug)
    work = get_object_or_404(Maintenance, project=project, pk=pk)
    try:
        stage = Stage(request.POST.get("stage", ""))
        maintenance.move(work, stage, request.POST.get("body", ""), actor(request), timezone.now())
        publish.write(project, timezone.now())
    except ValueError:
        messages.error(request, "There is no such stage.")
    except maintenance.MaintenanceError as error:
        messages.error(request, str(error))
    return redirect("statuspage", slug)


urlpatterns = [
    *subscribe_pages.urlpatterns,
    path("p/<slug:slug>/statuspage/maintenance/", new_maintenance, name="maintenance-new"),
    path("p/<slug:slug>/statuspage/maintenance/<int:pk>/", update_maintenance, name="maintenance-update"),
    path("p/<slug:slug>/statuspage/<int:number>/hold/", hold, name="statuspage-hold"),
    path("p/<slug:slug>/statuspage/<int:number>/postmortem/", postmortem, name="statuspage-postmortem"),
    path("p/<slug:slug>/statuspage/", statuspage, name="statuspage"),
    path("p/<slug:slug>/statuspage/<int:number>/updates/", update, name="statuspage-update"),
    path("status/<slug:slug>/", public, name="status"),
    path("status/<slug:slug>/<path:name>", public, name="status-file"),
]
NAVIGATION = [Entry("Status page", "statuspage", "broadcast", "p", 55)]
