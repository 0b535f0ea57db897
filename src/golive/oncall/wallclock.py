"""Local wall-clock time to instants, so that 09:00 stays 09:00 on both sides of a clock change."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant at which a wall clock in `zone` first reaches the naive time `local`.

    A time that the clock skips (02:30 on a night in spring) is the instant of the change itself; one that comes twice
    is the first of the two. So a later wall-clock time is never an earlier instant.
    """
    early = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if late >= early:  # an ordinary time, or the first of two
        return early
    return _change(late, early, zone)


def wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What a wall clock in `zone` shows at an instant, as a naive time."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def read(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """An instant as people write it: "now", or ISO 8601, on the wall clock of `zone` where none is given.

    Raises ValueError with an example.
    """
    if text.strip().lower() == "now":
        return now
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write it like 2026-11-24T18:00 ({zone.key}), or now") from None
    if not 2000 <= found.year < 2200:
        raise ValueError(f"{text!r} is not a time of this or the next century")
    return found.astimezone(UTC) if found.tzinfo else instant(found, zone)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second between two instants at which the zone's offset is no longer that of `before`."""
    offset = before.astimezone(zone).utcoffset()
    before = before.replace(microsecond=0)
    seconds = range(int((after - before) / SECOND) + 1)
    changed = bisect_left(seconds, True, key=lambda n: (before + n * SECOND).astimezone(zone).utcoffset() != offset)
    return before + changed * SECOND
