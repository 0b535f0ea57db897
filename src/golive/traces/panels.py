"""What traces put into the home page's headline and into search."""

import re
from collections.abc import Sequence
from math import isnan
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from golive.console.panels import (
    Hit,
    Panel,
    Search,
    Sentence,
    register_panel,
    register_search,
    register_sentence,
)
from golive.console.window import read
from golive.people.models import Project
from golive.telemetry import store
from golive.telemetry.store import StoreError
from golive.traces import services as reading
from golive.traces.headline import clause
from golive.traces.trace import extent

MOST = 6


def speed(project: Project) -> str | None:
    """How fast requests are answered, against the same hour last week."""
    now = timezone.localtime()
    try:
        row = store.row(reading.QUERIES["hours"], project=project.slug, now=int(now.timestamp()))
    except StoreError:
        return "the telemetry store does not answer"
    now_ms, then_ms = (float(row[name][1]) for name in ("quantiles_now", "quantiles_then"))
    return clause(
        None if isnan(now_ms) else now_ms,
        int(row["requests_now"]),
        None if isnan(then_ms) else then_ms,
        int(row["requests_then"]),
        now,
    )


def find(project: Project, text: str, limit: int) -> Sequence[Hit]:
    """A trace by its id, and services by name."""
    wanted = text.strip().lower()
    if re.fullmatch(r"[0-9a-f]{32}", wanted):
        known = extent(project.slug, wanted) is not None
        link = reverse("trace", args=[project.slug, wanted])
        return [Hit(f"Trace {wanted}", link, detail="" if known else "no span of it has arrived")]
    found = reading.services(project.slug, read({"since": "24h"}, timezone.now()))
    return [
        Hit(service.name, reverse("service", args=[project.slug, service.name]), "service", service.state)
        for service in found
        if wanted in service.name.lower()
    ][:limit]


def draw(request: HttpRequest, project: Project) -> str:
    """The busiest services of the last hour."""
    context: dict[str, Any] = {"project": project}
    try:
        context["services"] = reading.services(project.slug, read({"since": "1h"}, timezone.now()))[:MOST]
    except StoreError as error:
        context["store_error"] = str(error)
    return render_to_string("traces/panel.html", context, request)


register_panel(Panel("services", 30, 6, draw))
register_sentence(Sentence(20, speed))
register_search(Search("Services and traces", 20, find))
