"""The business page: what the numbers of the home page are computed from."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from golive.business.models import settings_of
from golive.business.numbers import FIGURES, QUERIES, charts
from golive.changes.marks import marks
from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.console.window import window_of
from golive.telemetry import store
from golive.telemetry.instants import milliseconds
from golive.telemetry.store import StoreError

EVENTS = 50


def business(request: HttpRequest, slug: str) -> HttpResponse:
    """The four numbers, their charts, and the events they count."""
    project = project_of(request, slug)
    window = window_of(request, "24h")
    settings = settings_of(project)
    event = request.GET.get("event", "")
    context: dict[str, Any] = {"project": project, "window": window, "settings": settings, "event": event}
    try:
        points, bands = marks(project, window.since, window.until)
        since, until = milliseconds(window.since), milliseconds(window.until)
        names = store.rows(QUERIES["event_names"], project=project.slug, since=since, until=until)
        context |= {
            "figures": list(FIGURES),
            "charts": list(zip(FIGURES, charts(project, settings, window, points, bands), strict=True)),
            "names": names,
            "signups": sum(row["events"] for row in names if row["name"] == settings.signup),
            "payments": sum(row["events"] for row in names if row["name"] == settings.revenue),
            "events": store.rows(
                QUERIES["recent_events"], project=project.slug, name=event, limit=EVENTS, since=since, until=until
            ),
        }
    except StoreError as error:
        context["store_error"] = str(error)
    return render(request, "business/business.html", context)


urlpatterns = [path("p/<slug:slug>/business/", business, name="business")]
NAVIGATION = [Entry("Business", "business", "chart-line", "b", 10)]
