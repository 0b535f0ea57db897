"""When a rollout switches itself off."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.flags.guard import HOLD, Finding, Guard, Side, decide

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
WELL = Side(1000, 5, 200)


@pytest.mark.parametrize(
    ("variant", "control", "finding"),
    [
        (Side(1000, 6, 210), WELL, Finding.FINE),
        (Side(1000, 60, 210), WELL, Finding.ERRORS),
        (Side(1000, 12, 210), WELL, Finding.FINE),  # worse, but by less than the margin
        (Side(60, 2, 210), Side(60, 0, 200), Finding.FINE),  # 3 % more, but that may be chance
        (Side(1000, 5, 320), WELL, Finding.LATENCY),
        (Side(1000, 5, 30), Side(1000, 5, 10), Finding.FINE),  # three times as slow, but by 20 ms
        (Side(30, 30, 200), WELL, Finding.UNKNOWN),
        (Side(1000, 500, 200), Side(10, 0, 200), Finding.UNKNOWN),
        (Side(1000, 500, 900), Side(1000, 505, 900), Finding.FINE),  # everything is broken: not this flag
    ],
)
def test_findings(variant: Side, control: Side, finding: Finding) -> None:
    found = decide({"on": variant, "off": control}, "off", Guard(), None, NOW)
    assert found.finding == finding
    assert not found.off
    assert found.reason


def test_it_must_be_worse_twice_in_a_row() -> None:
    sides = {"on": Side(1000, 100, 200), "off": WELL}
    first = decide(sides, "off", Guard(), None, NOW)
    assert (first.off, first.bad_since) == (False, NOW)
    assert decide(sides, "off", Guard(), first.bad_since, NOW + HOLD).off
    again = decide({"on": WELL, "off": WELL}, "off", Guard(), first.bad_since, NOW + timedelta(seconds=10))
    assert again.bad_since is None


def test_the_worst_of_several_variants_counts() -> None:
    sides = {"blue": WELL, "green": Side(1000, 200, 200), "off": WELL}
    found = decide(sides, "off", Guard(), NOW - timedelta(minutes=1), NOW)
    assert (found.off, found.variant) == (True, "green")
    assert found.reason == "20.0% of requests fail with it, 0.5% without"


def test_what_is_not_guarded_is_not_judged() -> None:
    slow = {"on": Side(1000, 5, 900), "off": WELL}
    assert decide(slow, "off", Guard(latency=None), NOW, NOW).finding == Finding.FINE
    broken = {"on": Side(1000, 500, 200), "off": WELL}
    assert decide(broken, "off", Guard(errors=None), NOW, NOW).finding == Finding.FINE
    assert decide({}, "off", Guard(), None, NOW).finding == Finding.UNKNOWN
