"""The iCal feed of a schedule, by an address that is its own secret.

The address is made from the install's key, the schedule and a counter, so that nothing of it is stored, and a
reset makes another. https://www.rfc-editor.org/rfc/rfc5545
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from icalendar import Calendar, Event

from golive.oncall.final import Gap, Shift
from golive.oncall.models import Schedule

BEHIND, AHEAD = timedelta(days=14), timedelta(days=90)
_SALT = "golive.oncall.feed"


def token(schedule: Schedule) -> str:
    """The secret part of the address in force."""
    return salted_hmac(_SALT, f"{schedule.pk}:{schedule.feed}", algorithm="sha256").hexdigest()[:40]


def address(schedule: Schedule) -> str:
    """Where calendars read the feed."""
    return settings.PUBLIC_URL + reverse("oncall-feed", args=[schedule.pk, token(schedule)])


def opened(pk: int, given: str) -> Schedule | None:
    """The schedule of an address; None when it is not in force."""
    schedule = Schedule.objects.select_related("project").filter(pk=pk).first()
    return schedule if schedule and constant_time_compare(token(schedule), given) else None


def calendar(schedule: Schedule, now: datetime, names: dict[str, str]) -> bytes:
    """Shifts from two weeks back to 90 days ahead, gaps as "nobody"; a stretch that goes on is cut there."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return render(schedule, schedule.final(day - BEHIND, day + AHEAD), now, names)


def render(schedule: Schedule, pieces: Sequence[Shift | Gap], now: datetime, names: dict[str, str]) -> bytes:
    feed = Calendar()
    feed.add("prodid", "-//golive//on call//EN")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("name", f"{schedule.project} on call: {schedule.name}")
    feed.add("x-wr-calname", f"{schedule.project} on call: {schedule.name}")
    feed.add("x-wr-timezone", schedule.zone.key)
    feed.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    feed.add("x-published-ttl", "PT1H")
    for piece in pieces:
        feed.add_component(_event(schedule, piece, now, names))
    body: bytes = feed.to_ical()
    return body


def _event(schedule: Schedule, piece: Shift | Gap, now: datetime, names: dict[str, str]) -> Event:
    event = Event()
    who = piece.who if isinstance(piece, Shift) else "nobody"
    said = f"{names.get(who) or who} on call" if isinstance(piece, Shift) else "Nobody on call"
    event.add("uid", f"{schedule.pk}-{piece.since:%Y%m%dT%H%M%SZ}-{who}@golive")
    event.add("dtstamp", now)
    event.add("dtstart", piece.since)
    event.add("dtend", piece.until)
    event.add("summary", f"{said} ({schedule.project}, {schedule.name})")
    event.add("transp", "TRANSPARENT")
    if isinstance(piece, Shift):
        event.add("description", "Override" if piece.layer == 0 else f"Layer {piece.layer}")
    return event
