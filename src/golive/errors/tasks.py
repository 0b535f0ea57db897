"""Registers error groups as they appear and notices those that come back."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse

from golive.alerts import flips
from golive.alerts.models import Severity, State
from golive.errors.groups import QUERIES
from golive.errors.models import ErrorGroup, GroupState
from golive.errors.regression import Decision, Resolution, decide
from golive.kit.clock import SYSTEM
from golive.kit.periodic import Periodic
from golive.people.models import Project
from golive.telemetry import store
from golive.telemetry.instants import milliseconds

LOOK_BACK = timedelta(minutes=5)
LOOK_BACK_AT_START = timedelta(hours=24)
_looked: list[bool] = []


def watch_errors() -> None:
    """Load what was received lately, decide, save, flip."""
    now = SYSTEM.now()
    back = LOOK_BACK if _looked else LOOK_BACK_AT_START
    found = store.rows(QUERIES["seen"], since_ms=milliseconds(now - back))
    projects = {project.slug: project for project in Project.objects.all()} if found else {}
    by_group: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        by_group[row["project"], row["fingerprint"]].append(row)
    for (slug, fingerprint), rows in by_group.items():
        if project := projects.get(slug):
            see(project, fingerprint, rows, now)
    _looked[:] = [True]


@transaction.atomic
def see(project: Project, fingerprint: str, rows: list[dict[str, Any]], now: datetime) -> None:
    """Take note of events of one group, a row for each release they came from, the latest last."""
    latest, first = rows[-1], min(rows, key=lambda row: row["first"])
    group, created = ErrorGroup.objects.get_or_create(
        project=project,
        fingerprint=fingerprint,
        defaults={
            "type": latest["type"][:200],
            "message": latest["message"][:500],
            "culprit": latest["culprit"][:300],
            "service": latest["service"][:120],
            "environment": latest["environment"][:64],
            "first_seen": first["first"],
            "first_release": first["release"][:200],
            "last_seen": latest["last"],
        },
    )
    if created:
        _flip(group, Severity.INFO, "A new kind of error appeared", group.first_seen, now)
        return
    ErrorGroup.objects.filter(pk=group.pk, last_seen__lt=latest["last"]).update(
        last_seen=latest["last"], message=latest["message"][:500]
    )
    resolution = Resolution(
        GroupState(group.state), group.resolved_at, group.in_next_release, group.releases_at_resolve
    )
    for row in rows:
        decision = decide(resolution, row["last"], row["release"])
        if decision.regressed:
            _regress(group, decision, row, now)
            return


def _regress(group: ErrorGroup, decision: Decision, row: dict[str, Any], now: datetime) -> None:
    """Reopen a group whose state is still as it was judged; another pager may have been first."""
    changed = ErrorGroup.objects.filter(pk=group.pk, state=GroupState.RESOLVED, resolved_at=group.resolved_at).update(
        state=GroupState.UNRESOLVED, regressed_at=now
    )
    if changed:
        release = f" (release {row['release']})" if row["release"] else ""
        _flip(group, Severity.WARNING, f"Regressed: {decision.reason.value}{release}", row["last"], now)


def _flip(group: ErrorGroup, severity: Severity, reason: str, began_at: datetime, now: datetime) -> None:
    flips.record(
        group.project,
        f"error:{group.fingerprint}",
        title=f"{group.type}: {group.message}" if group.message else group.type,
        old=State.OK,
        new=State.FIRING,
        severity=severity,
        reason=reason,
        at=now,
        began_at=began_at,
        service=group.service,
        environment=group.environment or "production",
        link=reverse("error", args=[group.project.slug, group.fingerprint]),
        evidence={"culprit": group.culprit, "first_release": group.first_release},
    )


PERIODIC = [Periodic("register errors and notice regressions", timedelta(seconds=15), watch_errors)]
