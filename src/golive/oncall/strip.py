"""The final schedule as a calendar strip: one row per day of the viewer's, pieces as shares of that day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import pairwise

from golive.oncall.final import Gap, Shift


@dataclass(frozen=True)
class Segment:
    """A part of a day. `left` and `width` are percentages of the day, `who` None in a gap."""

    who: str | None
    since: datetime
    until: datetime
    left: float
    width: float
    override: bool

    @property
    def label(self) -> str:
        """What fits into a narrow piece: the name before the @."""
        return self.who.partition("@")[0] if self.who else "nobody"


@dataclass(frozen=True)
class Day:
    """A day with its segments; `now` is how far it is gone in percent, None on other days."""

    begins: datetime
    segments: tuple[Segment, ...]
    now: float | None


def day_starts(now: datetime, zone: tzinfo, days: int) -> list[datetime]:
    """The instants at which today and the days after it begin in a zone, and the end of the last."""
    first = now.astimezone(zone).date()
    return [datetime.combine(first + timedelta(days=n), time(), zone).astimezone(UTC) for n in range(days + 1)]


def days(pieces: Sequence[Shift | Gap], starts: Sequence[datetime], now: datetime) -> list[Day]:
    """Lay pieces over days; a day of a clock change is 23 or 25 hours long and filled all the same."""
    return [_day(pieces, begins, ends, now) for begins, ends in pairwise(starts)]


def _day(pieces: Sequence[Shift | Gap], begins: datetime, ends: datetime, now: datetime) -> Day:
    length = ends - begins
    segments = tuple(
        Segment(
            who=piece.who if isinstance(piece, Shift) else None,
            since=piece.since,
            until=piece.until,
            left=round(100 * (max(piece.since, begins) - begins) / length, 3),
            width=round(100 * (min(piece.until, ends) - max(piece.since, begins)) / length, 3),
            override=isinstance(piece, Shift) and piece.layer == 0,
        )
        for piece in pieces
        if piece.since < ends and piece.until > begins
    )
    return Day(begins, segments, round(100 * (now - begins) / length, 3) if begins <= now < ends else None)
