"""The time window of an address."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive.console.window import LONGEST, read

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("asked", "since", "until", "live"),
    [
        ({}, timedelta(hours=1), timedelta(0), True),
        ({"since": "15m"}, timedelta(minutes=15), timedelta(0), True),
        ({"since": "7d"}, timedelta(days=7), timedelta(0), True),
        ({"since": "2026-03-01T02:00:00Z"}, timedelta(hours=1), timedelta(0), True),
        ({"since": "2026-03-01T01:00:00Z", "until": "2026-03-01T02:00:00Z"}, 2 * HOUR, HOUR, False),
        ({"since": str(NOW.timestamp() - 7200), "until": str(NOW.timestamp() - 3600)}, 2 * HOUR, HOUR, False),
        ({"since": "1h", "until": "2026-03-01T02:00:00Z"}, timedelta(hours=2), timedelta(hours=1), False),
        ({"since": "nonsense"}, timedelta(hours=1), timedelta(0), True),
        ({"since": "99999999999999d"}, timedelta(hours=1), timedelta(0), True),
        ({"since": "0s"}, timedelta(hours=1), timedelta(0), True),
    ],
)  # fmt: skip
def test_read(asked: dict[str, str], since: timedelta, until: timedelta, live: bool) -> None:
    window = read(asked, NOW)
    assert (window.since, window.until, window.live) == (NOW - since, NOW - until, live)


@given(st.dictionaries(st.sampled_from(["since", "until"]), st.text(max_size=30)))
def test_anything_gives_a_sound_window(asked: dict[str, str]) -> None:
    window = read(asked, NOW)
    assert window.since < window.until <= NOW or not window.live
    assert timedelta(0) < window.length <= LONGEST


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_any_instants_give_a_sound_window(since: float, until: float) -> None:
    window = read({"since": str(since), "until": str(until)}, NOW)
    assert timedelta(0) < window.length <= LONGEST


def test_steps_are_round_and_few() -> None:
    assert read({"since": "1h"}, NOW).step() == timedelta(seconds=30)
    assert read({"since": "30d"}, NOW).step(100) == timedelta(hours=12)
