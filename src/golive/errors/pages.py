"""Errors: the groups, and one group with its latest event, its history and what to do about it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST

from golive.changes.marks import marks
from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.console.window import window_of
from golive.errors import actions
from golive.errors.groups import QUERIES, SORTS, Wanted, groups, occurrences, total
from golive.errors.models import ErrorGroup, GroupState
from golive.errors.payload import read
from golive.people.models import Role, User
from golive.people.permissions import needs
from golive.telemetry import store
from golive.telemetry.instants import milliseconds
from golive.telemetry.store import StoreError

EVENTS = 50


def errors(request: HttpRequest, slug: str) -> HttpResponse:
    """The groups of a window."""
    project = project_of(request, slug)
    window = window_of(request, "24h")
    asked = request.GET
    wanted = Wanted(
        state=asked.get("state", "") if asked.get("state") in (*GroupState.values, "all") else GroupState.UNRESOLVED,
        text=asked.get("q", "")[:200],
        service=asked.get("service", ""),
        environment=asked.get("environment", ""),
        sort=asked.get("sort", "") if asked.get("sort") in SORTS else "last",
    )
    context: dict[str, Any] = {"project": project, "window": window, "wanted": wanted, "states": GroupState.choices}
    try:
        found, counts = groups(project, window, wanted)
        context |= {"groups": found[:200], "counts": counts, "everything": sum(counts.values())}
        context["fresh"] = sum(group.new for group in found)
        context["regressed"] = sum(group.regressed for group in found)
        context["events"] = sum(group.events for group in found)
    except StoreError as error:
        context["store_error"] = str(error)
    return render(request, "errors/list.html", context)


def error(request: HttpRequest, slug: str, fingerprint: str) -> HttpResponse:
    """One group: its latest event (or the one asked for), its history, its events."""
    project = project_of(request, slug)
    window = window_of(request, "7d")
    context: dict[str, Any] = {"project": project, "window": window, "fingerprint": fingerprint}
    try:
        whole = total(project, fingerprint)
        group = ErrorGroup.objects.filter(project=project, fingerprint=fingerprint).first()
        if whole is None and group is None:
            raise Http404
        context |= {"total": whole, "group": group, "state": group.state if group else GroupState.UNRESOLVED}
        if whole is not None:
            points, bands = marks(project, window.since, window.until)
            event = store.row(
                QUERIES["event"],
                project=project.slug,
                fingerprint=fingerprint,
                event_id=request.GET.get("event", ""),
            )
            context |= {
                "chart": occurrences(project, fingerprint, window, points, bands),
                "event": event,
                "latest": not request.GET.get("event"),
                "details": read(event["payload"]) if event else None,
                "tags": store.rows(QUERIES["tag_values"], project=project.slug, fingerprint=fingerprint),
                "events": store.rows(
                    QUERIES["events"],
                    project=project.slug,
                    fingerprint=fingerprint,
                    until_ms=milliseconds(window.until),
                    limit=EVENTS,
                ),
            }
    except StoreError as failure:
        context["store_error"] = str(failure)
    return render(request, "errors/group.html", context)


@require_POST
@needs(Role.RESPONDER)
def change(request: HttpRequest, slug: str, fingerprint: str) -> HttpResponse:
    """Resolve, resolve in the next release, ignore or reopen a group."""
    project = project_of(request, slug)
    try:
        whole = total(project, fingerprint)
    except StoreError as failure:
        messages.error(request, str(failure))
        return redirect("error", slug, fingerprint)
    if whole is None:
        raise Http404
    group = actions.group_of(project, fingerprint, whole)
    by = request.user.email if isinstance(request.user, User) else "golive"
    match request.POST.get("action"):
        case "resolve":
            actions.resolve(group, timezone.now(), by, releases=whole.releases)
            messages.success(request, "Resolved. If it happens again, it comes back here as a regression.")
        case "resolve-next":
            actions.resolve(group, timezone.now(), by, releases=whole.releases, in_next_release=True)
            messages.success(request, "Resolved in the next release. Older releases may still raise it in silence.")
        case "ignore":
            actions.ignore(group, timezone.now(), by)
            messages.success(request, "Ignored. It still counts, but it is not shown or reported.")
        case "reopen":
            actions.reopen(group, by)
            messages.success(request, "Reopened.")
        case _:
            messages.error(request, "That is not something an error can be told.")
    return redirect("error", slug, fingerprint)


urlpatterns = [
    path("p/<slug:slug>/errors/", errors, name="errors"),
    path("p/<slug:slug>/errors/<str:fingerprint>/", error, name="error"),
    path("p/<slug:slug>/errors/<str:fingerprint>/state/", change, name="error-state"),
]
NAVIGATION = [Entry("Errors", "errors", "bug", "e", 25)]
