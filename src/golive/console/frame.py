"""What every page needs: the project it is about, the navigation, the theme."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from golive.console.navigation import Entry, grouped
from golive.people.models import Project

THEMES = ("auto", "light", "dark")

_entries: list[Entry] = []


def offer(entries: list[Entry]) -> None:
    """Add a room's navigation entries; composition calls this once for each room."""
    _entries.extend(entries)


def project_of(request: HttpRequest, slug: str) -> Project:
    """The project a page is about, also kept on the request for the frame. 404 when there is none."""
    project = get_object_or_404(Project, slug=slug)
    request.project = project  # type: ignore[attr-defined]
    return project


def theme_of(request: HttpRequest) -> str:
    """The theme a person chose in this browser: auto, light or dark."""
    chosen = request.COOKIES.get("golive_theme", "auto")
    return chosen if chosen in THEMES else "auto"


def frame(request: HttpRequest) -> dict[str, Any]:
    """Template context of the page frame."""
    context: dict[str, Any] = {"frame_theme": theme_of(request)}
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated:
        return context
    projects = list(Project.objects.all())
    project = getattr(request, "project", None)
    return context | {
        "frame_project": project or (projects[0] if len(projects) == 1 else None),
        "frame_projects": projects,
        "frame_navigation": grouped(_entries),
    }
