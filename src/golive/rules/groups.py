"""Readings of rules over error groups: what appeared or came back lately, and whether it still goes on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from golive.alerts.models import Severity
from golive.errors.models import ErrorGroup, GroupState
from golive.kit.durations import format_duration
from golive.rules.condition import Reading
from golive.rules.settings import ErrorGroups

MOST = 500
LOOK_BACK = timedelta(days=1)


@dataclass(frozen=True)
class Group:
    """An error group as the decision needs it; `decided` when somebody resolved or ignored it."""

    fingerprint: str
    name: str
    service: str
    environment: str
    first_seen: datetime
    last_seen: datetime
    regressed_at: datetime | None = None
    decided: bool = False


def readings(project: str, settings: ErrorGroups, now: datetime) -> list[Reading]:
    """One reading for each group that appeared or regressed within a day."""
    since = now - 2 * max(LOOK_BACK, settings.window)
    found = ErrorGroup.objects.filter(
        Q(first_seen__gte=since) | Q(regressed_at__gte=since), project__slug=project, last_seen__gte=since
    )
    if settings.service:
        found = found.filter(service=settings.service)
    return [one for row in found.order_by("-last_seen")[:MOST] if (one := judge(_group(row), settings, now))]


def judge(group: Group, settings: ErrorGroups, now: datetime) -> Reading | None:
    """Whether a group is new or back, and still goes on; None when this rule is not about it."""
    began: datetime | None = None
    what = ""
    if settings.regressed and group.regressed_at is not None:
        began, what = group.regressed_at, "a resolved error is back"
    elif settings.new:
        began, what = group.first_seen, "a new error"
    if began is None:
        return None
    quiet, age = now - group.last_seen, now - began
    known = age > max(LOOK_BACK, settings.window)
    over = group.decided or quiet > settings.window or known
    text = f"{what}: {group.name}"
    if over:
        words = "somebody decided about it" if group.decided else f"not seen for {format_duration(quiet)}"
        words = f"known for {format_duration(age)}" if known and not group.decided else words
        text = f"{group.name}: {words}"
    return Reading(
        key=group.fingerprint,
        subject=group.name[:200],
        text=text[:500],
        breach=None if over else Severity(settings.severity),
        clear=over,
        service=group.service or settings.service,
        environment=group.environment or "production",
        title=f"{what[0].upper()}{what[1:]}: {group.name}",
        evidence={"fingerprint": group.fingerprint},
    )


def _group(row: ErrorGroup) -> Group:
    return Group(
        fingerprint=row.fingerprint,
        name=f"{row.type}: {row.message}" if row.message else row.type,
        service=row.service,
        environment=row.environment,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        regressed_at=row.regressed_at,
        decided=row.state != GroupState.UNRESOLVED,
    )
