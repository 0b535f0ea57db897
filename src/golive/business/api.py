"""The business over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema

from golive.business.models import settings_of
from golive.business.numbers import FIGURES, QUERIES
from golive.console.window import read
from golive.people.models import Project
from golive.people.tokens import scope
from golive.telemetry import store
from golive.telemetry.instants import milliseconds

router = Router()


class FigureOut(Schema):
    """One number; `value` is null when nothing of the kind was ever received. Revenue is in minor units."""

    name: str
    label: str
    value: float | None
    period: str
    comparison: str
    also: list[str]


class BusinessOut(Schema):
    """The four numbers of the home page."""

    currency: str
    figures: list[FigureOut]


class EventOut(Schema):
    """A business event."""

    name: str
    time: datetime
    service: str
    user_id: str
    account_id: str
    amount_minor: int
    currency: str
    trace_id: str
    environment: str


@router.get(
    "/projects/{slug}/business", response=BusinessOut, auth=scope("business:read"), summary="Read the business figures"
)
def business(request: HttpRequest, slug: str) -> dict[str, Any]:
    """Signups, active users, revenue and API usage now; days begin at midnight UTC."""
    project = get_object_or_404(Project, slug=slug)
    settings, now = settings_of(project), timezone.now()
    figures = [read_figure(project, settings, now) for read_figure in FIGURES.values()]
    return {
        "currency": settings.currency,
        "figures": [
            {
                "name": figure.name,
                "label": figure.label,
                "value": figure.value,
                "period": figure.period,
                "comparison": figure.delta.text,
                "also": figure.also,
            }
            for figure in figures
        ],
    }


@router.get(
    "/projects/{slug}/business/events",
    response=list[EventOut],
    auth=scope("business:read"),
    summary="List business events",
)
def events(
    request: HttpRequest, slug: str, name: str = "", since: str = "24h", until: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """The newest business events, of one name or all."""
    project = get_object_or_404(Project, slug=slug)
    window = read({"since": since, "until": until}, timezone.now(), "24h")
    return store.rows(
        QUERIES["recent_events"],
        project=project.slug,
        name=name,
        since=milliseconds(window.since),
        until=milliseconds(window.until),
        limit=max(1, min(limit, 1000)),
    )
