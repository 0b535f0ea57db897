"""A layer of a schedule: people who take turns, and the hours of the week at which they are on call at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from golive.oncall.wallclock import instant, wall

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MARGIN = timedelta(days=2)  # more than any clock change moves a boundary
_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True)
class Hours:
    """Hours that return every week, as offsets from Monday 00:00 on the wall clock; `until` may be past Sunday."""

    since: timedelta
    until: timedelta


@dataclass(frozen=True)
class Layer:
    """People take turns of `turn` (wall-clock time) from `start` (naive, in `zone`), in order, for ever or to `end`.

    Turns go on while restrictions keep a person off call, as on paper. No `hours` means all hours.
    """

    people: tuple[str, ...]
    turn: timedelta
    start: datetime
    zone: ZoneInfo
    hours: tuple[Hours, ...] = ()
    end: datetime | None = None


@dataclass(frozen=True)
class Turn:
    """One person's turn, as instants: since <= t < until."""

    who: str
    since: datetime
    until: datetime


def turns(layer: Layer, since: datetime, until: datetime) -> Iterator[Turn]:
    """The turns that touch a stretch of time, in order, cut to the layer's hours but not to the stretch."""
    opened = open_hours(layer.hours, layer.zone, since, until)
    for turn in _rotation(layer, since, until):
        for start, end in opened:
            first, last = max(turn.since, start), min(turn.until, end)
            if first < last:
                yield Turn(turn.who, first, last)


def _rotation(layer: Layer, since: datetime, until: datetime) -> Iterator[Turn]:
    if not layer.people:
        return
    number = max((wall(since, layer.zone) - MARGIN - layer.start) // layer.turn, 0)
    begins = instant(layer.start + number * layer.turn, layer.zone)
    stop = instant(layer.end, layer.zone) if layer.end else None
    while begins < until and (stop is None or begins < stop):
        ends = instant(layer.start + (number + 1) * layer.turn, layer.zone)
        cut = min(ends, stop) if stop else ends
        if begins < cut and cut > since:
            yield Turn(layer.people[number % len(layer.people)], begins, cut)
        number, begins = number + 1, ends


def open_hours(
    weekly: Sequence[Hours], zone: ZoneInfo, since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """Hours of the week in a stretch of time as instants, in order, those that touch or overlap made one; none: all."""
    if not weekly:
        return [_ALWAYS]
    first = wall(since, zone) - WEEK - MARGIN
    monday = first.replace(hour=0, minute=0, second=0, microsecond=0) - DAY * first.weekday()
    last = wall(until, zone) + MARGIN
    spans = []
    while monday <= last:
        for hours in weekly:
            start, end = instant(monday + hours.since, zone), instant(monday + hours.until, zone)
            if start < end:
                spans.append((start, end))
        monday += WEEK
    return _joined(sorted(spans))


def _joined(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    joined: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
