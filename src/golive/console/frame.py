"""What every page needs: the project it is about and the navigation."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from golive.console.navigation import Entry
from golive.people.models import Project

_entries: list[Entry] = []


def offer(entries: list[Entry]) -> None:
    """Add a room's navigation entries; composition calls this once for each room."""
    _entries.extend(entries)
    _entries.sort(key=lambda entry: entry.order)


def project_of(request: HttpRequest, slug: str) -> Project:
    """The project a page is about, also kept on the request for the frame. 404 when there is none."""
    project = get_object_or_404(Project, slug=slug)
    request.project = project  # type: ignore[attr-defined]
    return project


def frame(request: HttpRequest) -> dict[str, Any]:
    """Template context of the page frame."""
    if not request.user.is_authenticated:
        return {}
    return {
        "frame_project": getattr(request, "project", None),
        "frame_projects": Project.objects.all(),
        "frame_navigation": _entries,
    }
