"""Comparisons claim no more than is known."""

from datetime import UTC, datetime

import pytest

from golive.business.compare import Direction, delta, midnight

MONDAY = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
N = "\N{NARROW NO-BREAK SPACE}"

TABLE = [
    (112, 100, Direction.UP, f"12{N}% more than last Monday"),
    (88, 100, Direction.DOWN, f"12{N}% less than last Monday"),
    (101, 100, Direction.SAME, "as last Monday"),
    (0, 0, Direction.SAME, "as last Monday"),
    (5, 0, Direction.UP, "none by now last Monday"),
    (0, 5, Direction.DOWN, f"100{N}% less than last Monday"),
    (2000, 100, Direction.UP, "20 times last Monday"),
    (5, None, Direction.UNKNOWN, "no data for last Monday"),
    (None, None, Direction.UNKNOWN, "no data for last Monday"),
]


@pytest.mark.parametrize(("now", "then", "direction", "text"), TABLE)
def test_delta(now: float | None, then: float | None, direction: Direction, text: str) -> None:
    found = delta(now, then, MONDAY)
    assert (found.direction, found.text) == (direction, text)


def test_a_day_begins_at_midnight_of_its_zone() -> None:
    assert midnight(MONDAY) == datetime(2026, 3, 2, tzinfo=UTC)
