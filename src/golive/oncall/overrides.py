"""Overrides and swaps: who takes over from whom, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from golive.oncall.final import Shift
from golive.oncall.models import Schedule, Takeover
from golive.oncall.plan import address
from golive.people import audit

LONGEST = timedelta(days=366)
REACH = timedelta(days=62)  # how far a shift that is swapped is followed to either side


class OverrideError(ValueError):
    """The override or swap makes no sense; the message says why, in words for the person who asked."""


@dataclass(frozen=True)
class Wanted:
    """An override to make."""

    who: str
    since: datetime
    until: datetime
    note: str = ""


def override(schedule: Schedule, wanted: Wanted, by: str) -> Takeover:
    """Put somebody on call for a while, from now at the earliest. Raises OverrideError."""
    now = timezone.now()
    try:
        who = address(wanted.who)
    except ValueError as error:
        raise OverrideError(f"{error}.") from None
    if wanted.until <= wanted.since:
        raise OverrideError("An override ends after it begins.")
    if wanted.until <= now:
        raise OverrideError("This time is over; an override changes who is paged, not who was.")
    if wanted.until - wanted.since > LONGEST:
        raise OverrideError("An override lasts a year at most; for longer change the schedule in golive.toml.")
    with transaction.atomic():
        made = _make(schedule, Wanted(who, max(wanted.since, now), wanted.until, wanted.note[:200]), by, now)
        _tell(by, "oncall.override", schedule, made)
    return made


def swap(schedule: Schedule, first: datetime, second: datetime, by: str) -> tuple[Takeover, Takeover]:
    """Let the people of two shifts, named by an instant in each, change places. Raises OverrideError."""
    now = timezone.now()
    one, other = shift_at(schedule, first), shift_at(schedule, second)
    if one.until <= now or other.until <= now:
        raise OverrideError("Only shifts that are not over can be swapped.")
    if one.who == other.who:
        raise OverrideError(f"Both shifts are {one.who}'s.")
    note = f"swap of {one.who} and {other.who}"[:200]
    with transaction.atomic():
        made = (
            _make(schedule, Wanted(other.who, max(one.since, now), one.until, note), by, now),
            _make(schedule, Wanted(one.who, max(other.since, now), other.until, note), by, now),
        )
        for takeover in made:
            _tell(by, "oncall.swap", schedule, takeover)
    return made


def shift_at(schedule: Schedule, at: datetime) -> Shift:
    """The whole shift at an instant. Raises OverrideError in a gap."""
    pieces = schedule.final(at - REACH, at + REACH)
    found = next(piece for piece in pieces if piece.since <= at < piece.until)
    if not isinstance(found, Shift):
        raise OverrideError(f"Nobody is on call at {at:%Y-%m-%d %H:%M} UTC; make an override instead.")
    return found


def cancel(takeover: Takeover, by: str) -> None:
    """Take an override back: the layers count again from now on; what has been is kept."""
    now = timezone.now()
    with transaction.atomic():
        _tell(by, "oncall.override.cancel", takeover.schedule, takeover)
        if takeover.since < now:
            Takeover.objects.filter(pk=takeover.pk, until__gt=now).update(until=now)
        else:
            takeover.delete()


def _make(schedule: Schedule, wanted: Wanted, by: str, now: datetime) -> Takeover:
    return Takeover.objects.create(
        schedule=schedule,
        who=wanted.who,
        since=wanted.since,
        until=wanted.until,
        note=wanted.note,
        made_by=by[:200],
        made_at=now,
    )


def _tell(by: str, action: str, schedule: Schedule, takeover: Takeover) -> None:
    audit.record(
        by,
        action,
        f"oncall:{schedule.name}",
        project=schedule.project,
        who=takeover.who,
        since=takeover.since.isoformat(),
        until=takeover.until.isoformat(),
    )
