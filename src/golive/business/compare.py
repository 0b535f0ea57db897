"""Comparing a number with what it was a week ago, in words that do not claim more than is known. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from golive.console import words

SAME = 0.02  # less than this much change is no change


class Direction(StrEnum):
    """Where a number went; a word and an icon, no judgement."""

    UP = "up"
    DOWN = "down"
    SAME = "same"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Delta:
    """A change in words: "12 % more than last Monday"."""

    direction: Direction
    text: str


def delta(now: float | None, then: float | None, at: datetime) -> Delta:
    """Compare with the same weekday last week. `then` is None when nothing was recorded at all that week."""
    day = f"last {words.weekday(at)}"
    if now is None or then is None:
        return Delta(Direction.UNKNOWN, f"no data for {day}")
    if then == 0:
        return Delta(Direction.SAME, f"as {day}") if now == 0 else Delta(Direction.UP, f"none by now {day}")
    change = (now - then) / then
    if abs(change) < SAME:
        return Delta(Direction.SAME, f"as {day}")
    if change > 9:
        return Delta(Direction.UP, f"{now / then:.0f} times {day}")
    share = f"{abs(change) * 100:.0f}{words.THIN}%"
    if change > 0:
        return Delta(Direction.UP, f"{share} more than {day}")
    return Delta(Direction.DOWN, f"{share} less than {day}")


def midnight(now: datetime) -> datetime:
    """When the day of `now` began in its own zone."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
