"""Whether a handoff has just taken place, and what is said of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.oncall.final import Gap, Shift

LATE = timedelta(hours=1)  # a pager that was down for longer does not tell old news


@dataclass(frozen=True)
class Handoff:
    """Who came (None: a gap began), who went (None: a gap ended), when, and the next change if it is known."""

    came: str | None
    went: str | None
    at: datetime
    until: datetime | None


def latest(pieces: Sequence[Shift | Gap], now: datetime) -> Handoff | None:
    """The handoff that led to who is on call `now`, if it is not older than an hour; turns of one person are one."""
    place = next((n for n, piece in enumerate(pieces) if piece.since <= now < piece.until), None)
    if place is None:
        return None
    who = _who(pieces[place])
    first = last = place
    while first and _who(pieces[first - 1]) == who:
        first -= 1
    while last + 1 < len(pieces) and _who(pieces[last + 1]) == who:
        last += 1
    at = pieces[first].since
    if not first or now - at > LATE:
        return None
    until = pieces[last].until if last + 1 < len(pieces) else None
    return Handoff(who, _who(pieces[first - 1]), at, until)


def _who(piece: Shift | Gap) -> str | None:
    return piece.who if isinstance(piece, Shift) else None
