"""Where other tools' alerts come in, and the page of the keys by which they do."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.alerts import mute
from golive.alerts.inbound import doors, integrations
from golive.alerts.models import Integration, IntegrationKind, OutsideAlert, Silence, SilenceKind, State
from golive.console import once
from golive.console.frame import project_of
from golive.console.window import instant
from golive.kit.durations import DurationError, parse_duration
from golive.people import audit
from golive.people.models import Role
from golive.people.permissions import may, needs
from golive.people.tokens import actor

SHOWN = 100


@require_GET
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The integrations in force, what fires by them, and how to add one; a new key is shown this once."""
    project = project_of(request, slug)
    firing = OutsideAlert.objects.filter(
        integration__project=project, integration__revoked_at=None, state=State.FIRING
    ).select_related("integration")
    kind, _, key = once.take(request, f"integration:{project.pk}").partition(" ")
    context = {
        "project": project,
        "integrations": integrations.in_force(project),
        "firing": firing.order_by("-since")[:SHOWN],
        "count": firing.count(),
        "kinds": IntegrationKind.choices,
        "setup": integrations.setup(IntegrationKind(kind), key) if key else "",
        "is_admin": may(request.user, Role.ADMIN),
    }
    return render(request, "alerts/integrations.html", context)


@require_POST
@needs(Role.ADMIN)
def create(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    kind = request.POST.get("kind", "")
    try:
        if kind not in IntegrationKind:
            raise integrations.IntegrationError("choose what sends")
        made, value = integrations.create(project, request.POST.get("name", ""), IntegrationKind(kind))
    except integrations.IntegrationError as trouble:
        messages.error(request, f"Nothing was made: {trouble}.")
        return redirect("integrations", slug)
    audit.record(actor(request), "integration.create", made.name, project=project, kind=kind)
    once.keep(request, f"integration:{project.pk}", f"{kind} {value}")
    return redirect("integrations", slug)


@require_POST
@needs(Role.ADMIN)
def revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = project_of(request, slug)
    found = get_object_or_404(Integration, pk=pk, project=project)
    if integrations.revoke(found, timezone.now()):
        audit.record(actor(request), "integration.revoke", found.name, project=project, hint=found.hint)
        messages.success(request, f"Integration {found.name} is revoked: what it sends is refused.")
    return redirect("integrations", slug)


@require_GET
def silences(request: HttpRequest, slug: str) -> HttpResponse:
    """What is quiet now, by whom and why; what is held back; and how to keep something quiet."""
    project, now = project_of(request, slug), timezone.now()
    every = [(one, mute.span(one).until(now), mute.said(one.every)) for one in project.silences.all()[:200]]
    context = {
        "project": project,
        "now": now,
        "current": [each for each in every if mute.current(each[0], now)],
        "over": [each for each in every if not mute.current(each[0], now)][:20],
        "in_force": sum(1 for _, until, _ in every if until),
        "held": project.flips.filter(held=True, handled_at=None).order_by("-id")[:SHOWN],
        "inhibitions": project.inhibitions.all(),
        "given": request.GET,
        "may_silence": may(request.user, Role.RESPONDER),
    }
    return render(request, "alerts/silences.html", context)


@require_POST
@needs(Role.RESPONDER)
def silence(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep something quiet."""
    project, given = project_of(request, slug), request.POST
    try:
        starts = instant(given.get("starts_at", "")) if given.get("starts_at", "").strip() else timezone.now()
        if starts is None:
            raise mute.SilenceError("the beginning is an instant like 2026-01-31T09:00 (UTC)")
        mute.create(
            project,
            given.get("matchers", ""),
            given.get("comment", ""),
            starts,
            starts + parse_duration(given.get("last", "")),
            actor(request),
            kind=SilenceKind.MAINTENANCE if given.get("kind") == "maintenance" else SilenceKind.SILENCE,
            every=given.get("every", ""),
        )
        messages.success(request, "It is quiet. What still fires at the end is told then.")
    except (mute.SilenceError, DurationError, OverflowError) as error:
        messages.error(request, f"Nothing was silenced: {error}.")
    return redirect("silences", slug)


@require_POST
@needs(Role.RESPONDER)
def end_silence(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """End a silence now."""
    found = get_object_or_404(Silence, pk=pk, project=project_of(request, slug))
    if mute.end(found, actor(request), timezone.now()):
        messages.success(request, f"The silence of {found.matchers} is over: what still fires is told.")
    return redirect("silences", slug)


urlpatterns = [
    path("p/<slug:slug>/silences/", silences, name="silences"),
    path("p/<slug:slug>/silences/new/", silence, name="silence-create"),
    path("p/<slug:slug>/silences/<int:pk>/end/", end_silence, name="silence-end"),
    path("api/v2/alerts", doors.alertmanager, name="inbound-alertmanager"),
    path("v2/enqueue", doors.pagerduty, name="inbound-pagerduty"),
    path("hooks/<str:key>/", doors.webhook, name="inbound-webhook"),
    path("p/<slug:slug>/integrations/", page, name="integrations"),
    path("p/<slug:slug>/integrations/new/", create, name="integration-create"),
    path("p/<slug:slug>/integrations/<int:pk>/revoke/", revoke, name="integration-revoke"),
]
