"""Pages: the list, the incident at 3 a.m., what can be done there, and the link from the mail."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from golive.alerts.models import Severity
from golive.changes.models import Change, Kind
from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.incidents import actions, hotfix, links, moves, review_pages, slack, stream, view
from golive.incidents.actions import ActionError
from golive.incidents.lifecycle import CLOSED, OPEN, IllegalTransition, State
from golive.incidents.models import Duty, Incident
from golive.people.models import Role, User
from golive.people.permissions import may, needs
from golive.people.tokens import actor
from golive.rules.runbook import runbook_html, runbooks

PAGE = 30
SHOWN = {"open": list(OPEN), "unresolved": [*OPEN, State.MITIGATED], "resolved": list(CLOSED)}


def incidents(request: HttpRequest, slug: str) -> HttpResponse:
    """All incidents, newest first, by state, severity and words."""
    project = project_of(request, slug)
    every = Incident.objects.filter(project=project)
    found = every
    shown, severity, words = (request.GET.get(name, "") for name in ("state", "severity", "q"))
    if shown in SHOWN:
        found = found.filter(state__in=SHOWN[shown])
    if severity in Severity:
        found = found.filter(severity=severity)
    if words:
        found = found.filter(Q(title__icontains=words) | Q(cause__icontains=words) | Q(service__icontains=words))
    now = timezone.now()
    page = Paginator(found.select_related("project"), PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "page": page,
        "late": {one.pk for one in page.object_list if view.review_late(one, now)},
        "open": every.filter(state__in=OPEN).count(),
        "mitigated": every.filter(state=State.MITIGATED).count(),
        "total": every.count(),
        "shown": shown,
        "severity": severity,
        "words": words,
        "now": now,
    }
    return render(request, "incidents/list.html", context)


def incident(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One incident: what broke, since when, what changed just before, what can be done."""
    found = _incident(request, slug, number)
    context = _live(found) | {
        "blocks": actions.blocks(request, found),
        "people": User.objects.filter(is_active=True).values_list("email", flat=True),
        "releases": Change.objects.filter(project=found.project, kind=Kind.DEPLOY).exclude(release="")[:10],
    }
    return render(request, "incidents/incident.html", context)


def live(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The part of the page that moves."""
    return render(request, "incidents/live.html", _live(_incident(request, slug, number)) | {"swap": True})


@require_POST
@needs(Role.RESPONDER)
def create(request: HttpRequest, slug: str) -> HttpResponse:
    """Open an incident by hand."""
    project = project_of(request, slug)
    title = request.POST.get("title", "").strip()
    severity = request.POST.get("severity", "")
    if not title or severity not in (Severity.CRITICAL, Severity.WARNING):
        messages.error(request, "Say what is broken, and whether it is critical or a warning.")
        return redirect("incidents", slug)
    made = moves.open_incident(project, title, Severity(severity), timezone.now(), by=actor(request))
    return redirect("incident", slug, made.number)


@require_POST
@needs(Role.RESPONDER)
def act(request: HttpRequest, slug: str, number: int, noun: str) -> HttpResponse:
    """Acknowledge, snooze, mitigate, note, raise, resolve or reopen; what cannot be done is said."""
    found = _incident(request, slug, number)
    by, now, given = actor(request), timezone.now(), request.POST
    try:
        match noun:
            case "acknowledgement":
                moves.acknowledge(found, by, now)
            case "snooze":
                moves.snooze(found, by, now, _minutes(given.get("minutes", "30")))
            case "role":
                moves.assign(found, Duty(given.get("duty", "")), given.get("who", "").strip()[:254], by, now)
            case "mitigation":
                moves.mitigate(found, by, now)
            case "note":
                moves.note(found, by, now, given.get("text", ""))
            case "severity":
                moves.raise_severity(found, Severity.CRITICAL, now, by, f"Raised to critical by {by}")
            case "resolution":
                moves.resolve(found, by, now, **_fix(given))
            case _:
                moves.reopen(found, by, now)
    except IllegalTransition as error:
        messages.error(request, str(error))
    except ValueError:
        messages.error(request, "There is no such role.")
    return redirect("incident", slug, number)


@require_POST
@needs(Role.RESPONDER)
def way_out(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponse:
    """Take a way out that another room offers."""
    found = _incident(request, slug, number)
    try:
        actions.take(found, name, request.POST.get("key", ""), actor(request))
    except ActionError as error:
        messages.error(request, str(error))
    return redirect("incident", slug, number)


@login_not_required
@csrf_exempt  # the signed token in the address is the credential; there is no session to ride on
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def action(request: HttpRequest, purpose: links.Purpose, token: str) -> HttpResponse:
    """A link in a mail: GET shows what it does, POST does it."""
    try:
        asked = links.read(purpose, token)
    except links.LinkError as error:
        return render(request, "incidents/action.html", {"error": str(error)}, status=410)
    found = asked.incident
    context: dict[str, Any] = {"purpose": purpose, "who": asked.who}
    if request.method == "POST":
        try:
            found = _done(request, asked)
            if may(request.user, Role.RESPONDER) and asked.purpose == links.Purpose.ACKNOWLEDGE:
                messages.success(request, f"Acknowledged by {asked.who}. Pages have stopped.")
                return redirect(found.link)  # a phone that is signed in goes where the cause and the ways out are
            context["done"] = True
        except IllegalTransition as error:
            context["refused"] = str(error)
            found.refresh_from_db()
    context |= {"incident": found, "project": found.project, "headline": view.headline(found, timezone.now())}
    context |= {"open": _may_act(found, purpose), "sources": found.sources.all(), "suspects": view.suspects(found)[:3]}
    return render(request, "incidents/action.html", context)


def _done(request: HttpRequest, asked: links.Asked) -> Incident:
    now, given = timezone.now(), request.POST
    match asked.purpose:
        case links.Purpose.ACKNOWLEDGE:
            return moves.acknowledge(asked.incident, asked.who, now)
        case links.Purpose.SNOOZE:
            return moves.snooze(asked.incident, asked.who, now)
        case _:
            return moves.resolve(asked.incident, asked.who, now, **_fix(given))


def _fix(given: QueryDict) -> dict[str, str]:
    """The cause, and the release or the reason, as the forms ask for them."""
    wanted = given.get("fix", "release")
    return {
        "cause": given.get("cause", ""),
        "release": given.get("release", "") if wanted == "release" else "",
        "no_fix_reason": given.get("reason", "") if wanted == "none" else "",
    }


def _may_act(incident: Incident, purpose: links.Purpose) -> bool:
    match purpose:
        case links.Purpose.ACKNOWLEDGE:
            unseen = incident.state == State.MITIGATED and not incident.acknowledged_at
            return incident.state == State.DETECTED or unseen
        case links.Purpose.SNOOZE:
            return incident.state == State.DETECTED
        case _:
            return incident.state not in CLOSED


def _duties(incident: Incident) -> list[tuple[Duty, str]]:
    held = {one.duty: one.who for one in incident.duties.all()}
    return [(duty, held.get(duty, "")) for duty in Duty]


def _minutes(text: str) -> timedelta:
    return timedelta(minutes=int(text)) if text.isdecimal() and len(text) < 6 else timedelta(0)


def _incident(request: HttpRequest, slug: str, number: int) -> Incident:
    project = project_of(request, slug)
    return get_object_or_404(Incident.objects.select_related("project"), project=project, number=number)


def _live(incident: Incident) -> dict[str, Any]:
    now = timezone.now()
    sources = [source.source for source in incident.sources.all()]
    return {
        "project": incident.project,
        "incident": incident,
        "headline": view.headline(incident, now),
        "sources": incident.sources.all(),
        "suspects": view.suspects(incident),
        "measures": view.measures(incident, now, public=incident.is_critical),
        "runbooks": [(name, runbook_html(text)) for name, text in runbooks(incident.project, sources)],
        "hotfix": hotfix.of(incident),
        "duties": _duties(incident),
        "lines": view.timeline(incident),
        "offers": actions.offers(incident) if incident.is_open else [],
        "may_acknowledge": incident.state == State.DETECTED,
        "may_resolve": incident.state not in CLOSED,
        "may_reopen": incident.state in (State.MITIGATED, *CLOSED),
    }


NOUNS = "acknowledgement|snooze|role|mitigation|note|severity|resolution|reopening"
urlpatterns = [
    *review_pages.urlpatterns,
    *slack.urlpatterns,
    path("p/<slug:slug>/incidents/", incidents, name="incidents"),
    path("p/<slug:slug>/incidents/new/", create, name="incident-new"),
    path("p/<slug:slug>/incidents/<int:number>/", incident, name="incident"),
    path("p/<slug:slug>/incidents/<int:number>/live/", live, name="incident-live"),
    path("p/<slug:slug>/incidents/<int:number>/events/", stream.events, name="incident-events"),
    *(
        path(f"p/<slug:slug>/incidents/<int:number>/{noun}/", act, {"noun": noun}, name=f"incident-{noun}")
        for noun in NOUNS.split("|")
    ),
    path("p/<slug:slug>/incidents/<int:number>/way-out/<slug:name>/", way_out, name="incident-way-out"),
    *(
        path(f"{start}/<str:token>/", action, {"purpose": purpose}, name=f"action-{purpose}")
        for purpose, start in links.PATHS.items()
    ),
]
NAVIGATION = [Entry("Incidents", "incidents", "alert-octagon", "i", 50)]
