"""When a message is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive.notify.backoff import GIVE_UP_AFTER, LONGEST, after_failure

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tries", "age_hours", "urgency", "permanent", "seconds", "fallback"),
    [
        (1, 0, "high", False, 1, False),
        (2, 0, "high", False, 2, False),
        (3, 0, "high", False, 4, True),
        (4, 0, "high", False, 8, False),
        (40, 1, "high", False, 30, False),
        (40, 1, "normal", False, 600, False),
        (40, 24, "high", False, None, True),
        (40, 24, "normal", False, 600, False),
        (1, 0, "high", True, None, True),
    ],
)
def test_table(tries, age_hours, urgency, permanent, seconds, fallback):
    retry = after_failure(tries, NOW - timedelta(hours=age_hours), NOW, urgency, permanent=permanent, jitter=1)
    assert retry.at == (None if seconds is None else NOW + timedelta(seconds=seconds))
    assert retry.use_fallback == fallback


@given(st.integers(1, 10_000), st.sampled_from(["high", "normal"]), st.floats(0, 1))
def test_a_retry_is_always_soon_and_never_at_once(tries, urgency, jitter):
    retry = after_failure(tries, NOW, NOW, urgency, permanent=False, jitter=jitter)
    assert timedelta(0) < retry.at - NOW <= LONGEST[urgency] < GIVE_UP_AFTER[urgency]
