"""Writing down what changed, and asking what changed just before something broke."""

from datetime import datetime, timedelta

from golive.changes.models import Change, Kind
from golive.people.models import Project

JUST_BEFORE = timedelta(hours=1)


def record(
    project: Project,
    kind: Kind,
    subject: str,
    title: str,
    at: datetime,
    *,
    environment: str = "production",
    release: str = "",
    link: str = "",
    actor: str = "",
    until: datetime | None = None,
) -> Change:
    """Write a change, or bring the same one (project, kind, environment, subject) up to date."""
    change, _ = Change.objects.update_or_create(
        project=project,
        kind=kind,
        environment=environment,
        subject=subject[:200],
        defaults={
            "title": title[:200],
            "at": at,
            "release": release[:200],
            "link": link[:300],
            "actor": actor[:200],
            "until": until,
        },
    )
    return change


def before(project: Project, at: datetime, within: timedelta = JUST_BEFORE) -> list[Change]:
    """What changed in the time `within` before `at`, newest first: the first suspects of an incident."""
    return list(Change.objects.filter(project=project, at__gt=at - within, at__lte=at).exclude(kind=Kind.INCIDENT))


def first_seen(project: Project, environment: str, release: str, at: datetime) -> Change | None:
    """Write a deploy for a release that telemetry shows for the first time; None when it is known already."""
    change, created = Change.objects.get_or_create(
        project=project,
        kind=Kind.DEPLOY,
        environment=environment,
        subject=release[:200],
        defaults={
            "title": f"Release {release} first seen"[:200],
            "at": at,
            "release": release[:200],
            "actor": "golive",
        },
    )
    return change if created else None
