"""What people do with a group: resolve, ignore, reopen. Every change is audited; an open flip is closed with it."""

from datetime import datetime

from django.db import transaction

from golive.alerts import flips
from golive.alerts.models import Flip, Severity, State
from golive.errors.groups import Total
from golive.errors.models import ErrorGroup, GroupState
from golive.people import audit
from golive.people.models import Project


def group_of(project: Project, fingerprint: str, total: Total) -> ErrorGroup:
    """The record of a group, made from its events when nobody has registered it yet."""
    group, _ = ErrorGroup.objects.get_or_create(
        project=project,
        fingerprint=fingerprint,
        defaults={
            "type": total.type[:200],
            "message": total.message[:500],
            "culprit": total.culprit[:300],
            "service": total.service[:120],
            "environment": total.environment[:64],
            "first_seen": total.first,
            "first_release": total.first_release[:200],
            "last_seen": total.last,
        },
    )
    return group


@transaction.atomic
def resolve(group: ErrorGroup, at: datetime, by: str, *, releases: list[str], in_next_release: bool = False) -> None:
    """Mark a group as fixed: from now on, or (`in_next_release`) once a release comes that is not among `releases`."""
    group.state = GroupState.RESOLVED
    group.resolved_at, group.resolved_by = at, by[:200]
    group.in_next_release, group.releases_at_resolve = in_next_release, releases
    group.regressed_at = None
    group.save()
    _quieten(group, at, f"Resolved by {by}" + (" in the next release" if in_next_release else ""))
    audit.record(by, "error.resolve", group.fingerprint, project=group.project, in_next_release=in_next_release)


@transaction.atomic
def ignore(group: ErrorGroup, at: datetime, by: str) -> None:
    """Stop showing and reporting a group."""
    group.state = GroupState.IGNORED
    group.regressed_at = None
    group.save()
    _quieten(group, at, f"Ignored by {by}")
    audit.record(by, "error.ignore", group.fingerprint, project=group.project)


@transaction.atomic
def reopen(group: ErrorGroup, by: str) -> None:
    """Put a group back on the list of what is to be done."""
    group.state = GroupState.UNRESOLVED
    group.resolved_at, group.resolved_by, group.in_next_release = None, "", False
    group.save()
    audit.record(by, "error.reopen", group.fingerprint, project=group.project)


def _quieten(group: ErrorGroup, at: datetime, reason: str) -> None:
    source = f"error:{group.fingerprint}"
    last = Flip.objects.filter(project=group.project, source=source).order_by("-id").first()
    if last is None or last.new != State.FIRING:
        return
    flips.record(
        group.project,
        source,
        title=last.title,
        old=State.FIRING,
        new=State.OK,
        severity=Severity(last.severity),
        reason=reason,
        at=at,
        service=group.service,
        environment=group.environment or "production",
    )
