"""DORA's measures as tables."""

from datetime import UTC, datetime, timedelta

from golive.pipelines.dora import Deployed, Trouble, measure

T = datetime(2026, 11, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_nothing_is_not_zero() -> None:
    found = measure([], [], 7 * DAY)
    assert (found.deploys, found.fail_rate, found.lead_time, found.recovery) == (0, None, None, None)


def test_measures() -> None:
    deploys = [
        Deployed(T, T - 30 * MINUTE),
        Deployed(T + 3 * HOUR, T + 2 * HOUR),  # an incident begins ten minutes later
        Deployed(T + 4 * HOUR),  # the fix
        Deployed(T + 3 * DAY, T + 3 * DAY - 10 * MINUTE),
    ]
    troubles = [
        Trouble(T + 3 * HOUR + 10 * MINUTE, T + 4 * HOUR),
        Trouble(T + 2 * DAY, T + 2 * DAY + 10 * MINUTE),  # long after any deploy
    ]
    found = measure(deploys, troubles, 4 * DAY)
    assert (found.deploys, found.per_day, found.failed, found.fail_rate) == (4, 1.0, 1, 0.25)
    assert found.lead_time == 30 * MINUTE
    assert found.recovery == 30 * MINUTE
    assert found.rework_rate == 0.25


def test_a_rollback_fails_the_deploy_before_it_and_no_other() -> None:
    deploys = [Deployed(T), Deployed(T + 2 * HOUR)]
    assert measure(deploys, [Trouble(T + 5 * HOUR, T + 5 * HOUR, rollback=True)], DAY).failed == 1
    assert measure(deploys, [Trouble(T - HOUR, T - HOUR, rollback=True)], DAY).failed == 0


def test_an_incident_after_the_next_deploy_is_the_next_ones() -> None:
    deploys = [Deployed(T), Deployed(T + 10 * MINUTE)]
    found = measure(deploys, [Trouble(T + 20 * MINUTE, None)], DAY)
    assert (found.failed, found.recovery) == (1, None)
