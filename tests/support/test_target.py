"""When an answer is due."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.support.target import judge

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOURS = timedelta(hours=8)


@pytest.mark.parametrize(
    ("waited", "overdue", "reason"),
    [
        (None, False, "answered"),
        (timedelta(0), False, "an answer is due in 8h"),
        (timedelta(hours=7, minutes=59, seconds=30), False, "an answer is due in 30s"),
        (timedelta(hours=7, minutes=58, seconds=30), False, "an answer is due in 1m"),
        (timedelta(hours=8, seconds=1), True, "waits for 8h; the target is 8h"),
        (timedelta(days=3, hours=1), True, "waits for 3d 1h; the target is 8h"),
    ],
)
def test_judge(waited: timedelta | None, overdue: bool, reason: str) -> None:
    found = judge(None if waited is None else NOW - waited, HOURS, NOW)
    assert (found.overdue, found.reason) == (overdue, reason)
