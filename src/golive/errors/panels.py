"""What errors put on the home page and into search."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
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
from golive.errors.groups import Wanted, groups
from golive.errors.models import ErrorGroup, GroupState
from golive.people.models import Project
from golive.telemetry.store import StoreError

MOST = 5


def find(project: Project, text: str, limit: int) -> Sequence[Hit]:
    """Groups by type, message or culprit."""
    found = ErrorGroup.objects.filter(project=project).filter(
        Q(type__icontains=text) | Q(message__icontains=text) | Q(culprit__icontains=text) | Q(fingerprint=text)
    )
    return [
        Hit(
            f"{group.type}: {group.message}"[:160],
            reverse("error", args=[project.slug, group.fingerprint]),
            detail=group.culprit,
            state=group.state,
            at=group.last_seen,
        )
        for group in found.order_by("-last_seen")[:limit]
    ]


def regressions(project: Project) -> str | None:
    """How many errors have come back."""
    count = ErrorGroup.objects.filter(project=project, state=GroupState.UNRESOLVED, regressed_at__isnull=False).count()
    return f"{count} error{'s' if count != 1 else ''} came back" if count else None


def draw(request: HttpRequest, project: Project) -> str:
    """The unresolved errors of the last 24 hours, most frequent first."""
    context: dict[str, Any] = {"project": project}
    try:
        window = read({"since": "24h"}, timezone.now())
        found, _ = groups(project, window, Wanted(sort="events"))
        context |= {"groups": found[:MOST], "more": max(0, len(found) - MOST)}
    except StoreError as error:
        context["store_error"] = str(error)
    return render_to_string("errors/panel.html", context, request)


register_panel(Panel("errors", 50, 12, draw, every_seconds=15))
register_search(Search("Errors", 30, find))
register_sentence(Sentence(40, regressions))
