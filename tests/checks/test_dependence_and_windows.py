"""A dead database is one incident; work that was announced is none."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from golive.alerts.models import Severity, State
from golive.checks.dependence import Below, weigh
from golive.checks.judging import Judge, Regions, Watched
from golive.checks.kinds.http import HttpSection
from golive.checks.probe import Target
from golive.checks.verdict import Attempt, Because, Outcome, Position, Scope, Verdict
from golive.checks.windows import Window, under_maintenance

T0 = datetime(2026, 1, 1, tzinfo=UTC)
OK = Position.of(State.OK)
DOWN = Verdict(State.FIRING, Because.CONFIRMED, "connection refused", T0)
QUIET = Position(State.FIRING, Scope.GLOBAL, Severity.INFO)
LATER = T0 + timedelta(seconds=5)


def below(state: State, failing: bool, looked: datetime | None) -> list[Below]:
    return [Below("database", state, failing, looked)]


@pytest.mark.parametrize(
    ("position", "others", "now", "after", "ask"),
    [
        (OK, [], LATER, Position.of(State.FIRING), ()),
        (OK, below(State.FIRING, True, LATER), LATER, QUIET, ()),
        (OK, below(State.OK, False, LATER), LATER, Position.of(State.FIRING), ()),
        (OK, below(State.OK, True, LATER), LATER, OK, ("database",)),
        (OK, below(State.OK, False, T0 - timedelta(seconds=9)), LATER, OK, ("database",)),
        (OK, below(State.UNKNOWN, False, None), LATER, OK, ("database",)),
        (OK, below(State.OK, True, LATER), T0 + timedelta(minutes=2), Position.of(State.FIRING), ()),
        (QUIET, below(State.OK, False, LATER), LATER, Position.of(State.FIRING), ()),
    ],
)
def test_a_check_waits_for_what_it_depends_on(
    position: Position, others: list[Below], now: datetime, after: Position, ask: tuple[str, ...]
) -> None:
    weighed = weigh(position, DOWN, others, now)
    assert weighed.verdict.position == after
    assert weighed.ask == ask


def judge(*, windows: list[Window]) -> tuple[Judge, Watched]:
    found = Judge()
    target = Target(1, "acme", "home", "http://x/", timedelta(seconds=60), wanted=HttpSection(url="http://x/"))
    watched = Watched(target, OK)
    found.add(1, watched)
    found.windows = {"acme": windows}
    return found, watched


def test_during_maintenance_nothing_begins_to_be_down_and_after_it_everything_counts() -> None:
    found, watched = judge(windows=[Window("move", timedelta(hours=1), ZoneInfo("UTC"), T0)])
    for second in range(3):
        watched.take(Attempt(T0 + timedelta(minutes=30, seconds=second), Outcome.DOWN, "refused"))
    held = found.verdict(watched, T0 + timedelta(minutes=31)).verdict
    assert held.position == OK
    assert "in maintenance (move) until 01:00 UTC" in held.text
    watched.take(Attempt(T0 + timedelta(minutes=61), Outcome.DOWN, "refused"))
    assert found.verdict(watched, T0 + timedelta(minutes=61)).verdict.position == Position.of(State.FIRING)
    watched.position = Position.of(State.FIRING)
    for minute in (30, 31):
        watched.take(Attempt(T0 + timedelta(days=1, minutes=minute), Outcome.UP, "answers"))
    assert found.verdict(watched, T0 + timedelta(days=1, minutes=31)).verdict.position == OK


BERLIN = ZoneInfo("Europe/Berlin")
ONCE = Window("once", timedelta(hours=2), BERLIN, datetime(2026, 3, 28, 3, tzinfo=BERLIN))
WEEKLY = Window("weekly", timedelta(hours=2), BERLIN, datetime(2026, 3, 22, 3, tzinfo=BERLIN), timedelta(days=7))
CRON = Window("cron", timedelta(minutes=30), BERLIN, cron="0 3 * * sun", checks=("home",))


@pytest.mark.parametrize(
    ("window", "now", "until"),
    [
        (ONCE, datetime(2026, 3, 28, 1, 59, tzinfo=UTC), None),
        (ONCE, datetime(2026, 3, 28, 2, 0, tzinfo=UTC), datetime(2026, 3, 28, 4, 0, tzinfo=UTC)),
        (ONCE, datetime(2026, 3, 28, 4, 0, tzinfo=UTC), None),
        (ONCE, datetime(2026, 4, 4, 2, 0, tzinfo=UTC), None),
        # summer time begins on 29 March: 3 o'clock is 1:00 UTC from then on
        (WEEKLY, datetime(2026, 3, 22, 2, 30, tzinfo=UTC), datetime(2026, 3, 22, 4, 0, tzinfo=UTC)),
        (WEEKLY, datetime(2026, 4, 5, 1, 30, tzinfo=UTC), datetime(2026, 4, 5, 3, 0, tzinfo=UTC)),
        (WEEKLY, datetime(2026, 4, 5, 3, 30, tzinfo=UTC), None),
        (WEEKLY, datetime(2026, 3, 15, 2, 30, tzinfo=UTC), None),
        (CRON, datetime(2026, 4, 5, 1, 10, tzinfo=UTC), datetime(2026, 4, 5, 1, 30, tzinfo=UTC)),
        (CRON, datetime(2026, 4, 5, 1, 30, tzinfo=UTC), None),
        (CRON, datetime(2026, 4, 6, 1, 10, tzinfo=UTC), None),
    ],
)
def test_windows(window: Window, now: datetime, until: datetime | None) -> None:
    assert window.open_until(now) == until
    found = under_maintenance([window], "home", now)
    assert (found is None) == (until is None)
    if window.checks:
        assert under_maintenance([window], "other", now) is None


def test_a_region_that_alone_fails_everywhere_does_not_count() -> None:
    found = Judge()
    found.regions = Regions({"built-in": "", "eu": ""})
    for number in range(4):
        target = Target(number, "acme", f"c{number}", "http://x/", timedelta(seconds=60), wanted=HttpSection(url="/"))
        watched = Watched(target, OK)
        found.add(number, watched)
        for second in range(3):
            watched.take(Attempt(T0 + timedelta(seconds=second), Outcome.UP, "ok", "built-in"))
            watched.take(Attempt(T0 + timedelta(seconds=second), Outcome.DOWN, "refused", "eu"))
    now = T0 + timedelta(seconds=4)
    assert found.verdict(found.watched[0], now).verdict.scope is Scope.REGIONAL
    assert list(found.find_faults(now)) == ["eu"]
    assert found.verdict(found.watched[0], now).verdict.position == OK


def test_attempts_that_come_late_are_put_in_order() -> None:
    _, watched = judge(windows=[])
    for second in (5, 1, 3):
        assert watched.take(Attempt(T0 + timedelta(seconds=second), Outcome.UP, str(second), "eu"))
    assert [attempt.reason for attempt in watched.seen["eu"]] == ["1", "3", "5"]
