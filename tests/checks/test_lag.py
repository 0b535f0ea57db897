"""The scheduler's own lag: measured by the prober, told when it lasts, over when it is."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.alerts.models import Flip
from golive.checks.keeper import DatabaseKeeper
from golive.checks.models import Check
from golive.checks.network import SCHEDULER, lagging
from golive.people.models import Project

T0 = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("was", "lags", "now"),
    [
        (False, [], False),
        (False, [9_000], False),  # once is a hiccup
        (False, [9_000, 4_000], False),
        (False, [9_000, 6_000], True),
        (True, [9_000, 900], True),
        (True, [900, 4_000], True),
        (True, [900, 900], False),
    ],
)
def test_when_it_lags(was: bool, lags: list[float], now: bool) -> None:
    assert lagging(was, lags) is now


@pytest.mark.django_db
def test_late_checks_are_told_once_and_their_end_too() -> None:
    project = Project.objects.create(slug="acme", name="acme")
    Check.objects.create(project=project, name="home", url="/", every=timedelta(seconds=60))
    keeper = DatabaseKeeper()
    told = []
    for turn, lag in enumerate([20, 8_000, 7_000, 9_000, 300, 200, 100]):
        keeper.beat(T0 + turn * timedelta(seconds=15), [], {"lag_p99_ms": lag})
        told.append(Flip.objects.filter(source=SCHEDULER).count())
    assert told == [0, 0, 1, 1, 1, 2, 2]
    late, well = Flip.objects.order_by("id")
    assert (late.severity, late.new, well.new) == ("warning", "firing", "ok")
    assert late.reason.startswith("7.0 s after their time")
