"""The iCal feed of a schedule or an escalation policy, by an address that is its own secret.

The address is made from the install's key, what it shows and a counter, so that nothing of it is stored, and a
reset makes another. https://www.rfc-editor.org/rfc/rfc5545
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import F
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from icalendar import Calendar, Event

from golive.oncall.coverage import Cover, coverage
from golive.oncall.final import Gap, Shift
from golive.oncall.models import EscalationPolicy, Schedule
from golive.people import audit

BEHIND, AHEAD = timedelta(days=14), timedelta(days=90)
_SALT = "golive.oncall.feed"
Shown = TypeVar("Shown", Schedule, EscalationPolicy)


def token(shown: Schedule | EscalationPolicy) -> str:
    """The secret part of the address in force."""
    salt = _SALT if isinstance(shown, Schedule) else f"{_SALT}.policy"
    return salted_hmac(salt, f"{shown.pk}:{shown.feed}", algorithm="sha256").hexdigest()[:40]


def address(shown: Schedule | EscalationPolicy) -> str:
    """Where calendars read the feed."""
    name = "oncall-feed" if isinstance(shown, Schedule) else "oncall-policy-feed"
    return settings.PUBLIC_URL + reverse(name, args=[shown.pk, token(shown)])


def opened(kind: type[Shown], pk: int, given: str) -> Shown | None:
    """What an address shows; None when it is not in force."""
    shown = kind._default_manager.select_related("project").filter(pk=pk).first()
    return shown if shown and constant_time_compare(token(shown), given) else None


def reset(shown: Schedule | EscalationPolicy, by: str) -> None:
    """End the address in force and make another."""
    type(shown)._default_manager.filter(pk=shown.pk).update(feed=F("feed") + 1)
    about = f"{'oncall' if isinstance(shown, Schedule) else 'policy'}:{shown.name}"
    audit.record(by, "oncall.feed.reset", about, project=shown.project)
    shown.refresh_from_db(fields=["feed"])


def calendar(schedule: Schedule, now: datetime, names: dict[str, str]) -> bytes:
    """Shifts from two weeks back to 90 days ahead, gaps as "nobody"; a stretch that goes on is cut there."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return render(schedule, schedule.final(day - BEHIND, day + AHEAD), now, names)


def render(schedule: Schedule, pieces: Sequence[Shift | Gap], now: datetime, names: dict[str, str]) -> bytes:
    feed = _empty(f"{schedule.project} on call: {schedule.name}", schedule.zone.key)
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


def policy_calendar(policy: EscalationPolicy, now: datetime, names: dict[str, str]) -> bytes:
    """Whom a policy pages first, and who joins, over the same days as a schedule's feed."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since, until = day - BEHIND, day + AHEAD
    plans = {one.name: one.read() for one in EscalationPolicy.objects.filter(project=policy.project)}
    schedules = {one.name: one.final(since, until) for one in Schedule.objects.filter(project=policy.project)}
    feed = _empty(f"{policy.project} pages: {policy.name}", plans[policy.name].zone)
    for cover in coverage(plans, policy.name, schedules, since, until):
        feed.add_component(_cover(policy, cover, now, names))
    body: bytes = feed.to_ical()
    return body


def _cover(policy: EscalationPolicy, cover: Cover, now: datetime, names: dict[str, str]) -> Event:
    event, steps = Event(), [" and ".join(names.get(who) or who for who in step) for step in cover.steps]
    said = f"{steps[0]} paged first" if steps else "Pages wait" if cover.waits else "Nobody is paged"
    event.add("uid", f"policy-{policy.pk}-{cover.since:%Y%m%dT%H%M%SZ}@golive")
    event.add("dtstamp", now)
    event.add("dtstart", cover.since)
    event.add("dtend", cover.until)
    event.add("summary", f"{said} ({policy.project}, {policy.name})")
    event.add("transp", "TRANSPARENT")
    then = [f"{place}. {who}" for place, who in enumerate(steps, start=1)]
    other = [f"Outside its hours: {cover.policy}"] if cover.policy != policy.name else []
    event.add("description", "\n".join([*then, *other]) or said)
    return event


def _empty(name: str, zone: str) -> Calendar:
    feed = Calendar()
    feed.add("prodid", "-//golive//on call//EN")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("name", name)
    feed.add("x-wr-calname", name)
    feed.add("x-wr-timezone", zone)
    feed.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    feed.add("x-published-ttl", "PT1H")
    return feed
