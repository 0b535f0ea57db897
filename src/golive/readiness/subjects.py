"""Making the subject of a run: address, release, commit and settings, from what golive knows."""

import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from golive.changes.models import Change, Kind
from golive.kit.connections import Policy
from golive.people.models import Project
from golive.readiness.item import Item, Place, Subject
from golive.readiness.section import Common, plan_of


class SubjectError(ValueError):
    """The run makes no sense as asked; the message says what to change."""


def maker(
    project: Project, now: datetime, *, source: Path | None = None, target: Place | None = None
) -> Callable[[Item], Subject]:
    """A function from an item to what it examines: by default changing probes on the preview, harmless on production.

    Raises SubjectError when preview and production are one and the same.
    """
    plan = plan_of(project.pk)
    if plan.preview and project.url and _origin(plan.preview) == _origin(project.url):
        raise SubjectError(
            "[readiness] preview is the production address; probes that change state need a copy of their own"
        )
    folder = source or (Path(plan.source) if plan.source else None)
    commit = head_of(folder)
    shared: dict[Place, dict[str, Any]] = {Place.PREVIEW: {}, Place.PRODUCTION: {}}
    releases = {place: release_of(project, place) for place in Place}

    def make(item: Item) -> Subject:
        place = target or (Place.PREVIEW if item.changes else Place.PRODUCTION)
        return Subject(
            project=project.slug,
            number=project.pk,
            place=place,
            url=address(project, plan, place),
            now=now,
            wanted=plan,
            source=folder,
            release=releases[place],
            commit=commit,
            policy=Policy.from_environment(),
            shared=shared[place],
        )

    return make


def address(project: Project, plan: Common, place: Place) -> str:
    return plan.preview if place is Place.PREVIEW else project.url


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def head_of(folder: Path | None) -> str:
    """The commit that a folder stands on, with "+" when files differ from it; empty when it is no repository."""
    if folder is None or not folder.is_dir():
        return ""
    head = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no") if head else ""
    return f"{head}+" if changed else head


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def release_of(project: Project, place: Place) -> str:
    """What was deployed there last, as far as was recorded."""
    kinds = (Kind.DEPLOY, Kind.ROLLBACK)
    newest = Change.objects.filter(project=project, kind__in=kinds, environment=place.value).order_by("-at").first()
    return (newest.release or newest.subject) if newest else ""
