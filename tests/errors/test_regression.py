"""When a resolved error counts as come back, and what the pager then writes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from golive.alerts.models import Flip, Severity, State
from golive.errors import actions
from golive.errors.models import ErrorGroup, GroupState
from golive.errors.regression import Reason, Resolution, decide
from golive.errors.tasks import see
from golive.people.models import AuditEntry, Project

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOW = Resolution(GroupState.RESOLVED, T0)
NEXT = Resolution(GroupState.RESOLVED, T0, in_next_release=True, releases_then=("1.0", "1.1"))

TABLE = [
    (Resolution(GroupState.UNRESOLVED), T0, "1.0", Reason.NOT_RESOLVED),
    (Resolution(GroupState.IGNORED, T0), T0 + MINUTE, "2.0", Reason.NOT_RESOLVED),
    (NOW, T0 - MINUTE, "1.0", Reason.EARLIER),
    (NOW, T0, "1.0", Reason.EARLIER),
    (NOW, T0 + MINUTE, "1.0", Reason.AGAIN),
    (NEXT, T0 + MINUTE, "1.1", Reason.OLD_RELEASE),
    (NEXT, T0 + MINUTE, "", Reason.OLD_RELEASE),
    (NEXT, T0 + MINUTE, "1.2", Reason.NEW_RELEASE),
    (NEXT, T0 - MINUTE, "1.2", Reason.EARLIER),
]


@pytest.mark.parametrize(("resolution", "at", "release", "reason"), TABLE)
def test_decision(resolution: Resolution, at: datetime, release: str, reason: Reason) -> None:
    decision = decide(resolution, at, release)
    assert decision.reason == reason
    assert decision.regressed == (reason in (Reason.AGAIN, Reason.NEW_RELEASE))


def row(at: datetime, release: str = "1.0") -> dict[str, Any]:
    return {
        "type": "KeyError",
        "message": "'plan'",
        "culprit": "acme.billing",
        "service": "web",
        "environment": "production",
        "release": release,
        "events": 1,
        "first": at,
        "last": at,
    }


@pytest.mark.django_db
def test_a_group_is_registered_resolved_and_comes_back_once() -> None:
    project = Project.objects.create(slug="acme", name="acme")
    see(project, "f1", [row(T0)], T0)
    see(project, "f1", [row(T0 + MINUTE)], T0 + MINUTE)
    group = ErrorGroup.objects.get()
    assert group.last_seen == T0 + MINUTE
    assert [(flip.new, flip.severity) for flip in Flip.objects.all()] == [(State.FIRING, Severity.INFO)]

    actions.resolve(group, T0 + 5 * MINUTE, "ada@acme.example", releases=["1.0"])
    see(project, "f1", [row(T0 + 4 * MINUTE)], T0 + 6 * MINUTE)
    group.refresh_from_db()
    assert group.state == GroupState.RESOLVED

    for late in (7, 8):
        see(project, "f1", [row(T0 + late * MINUTE, "1.1")], T0 + late * MINUTE)
    group.refresh_from_db()
    assert group.state == GroupState.UNRESOLVED
    assert group.regressed_at == T0 + 7 * MINUTE
    assert [(flip.new, flip.severity) for flip in Flip.objects.order_by("id")] == [
        (State.FIRING, Severity.INFO),
        (State.OK, Severity.INFO),
        (State.FIRING, Severity.WARNING),
    ]
    assert AuditEntry.objects.filter(action="error.resolve", actor="ada@acme.example").count() == 1


@pytest.mark.django_db
def test_an_ignored_group_stays_silent() -> None:
    project = Project.objects.create(slug="acme", name="acme")
    see(project, "f1", [row(T0)], T0)
    actions.ignore(ErrorGroup.objects.get(), T0, "ada@acme.example")
    see(project, "f1", [row(T0 + MINUTE)], T0 + MINUTE)
    assert ErrorGroup.objects.get().state == GroupState.IGNORED
    assert Flip.objects.filter(new=State.FIRING).count() == 1
