"""How one person is reached: their channels in order, by urgency, with delays and quiet hours. Decisions only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from golive.kit.durations import format_duration


@dataclass(frozen=True)
class Way:
    """One way to a person. `after`: for urgent news, how long the ways before it have."""

    channel: str
    recipient: str
    urgent: bool
    normal: bool
    after: timedelta = timedelta(0)


@dataclass(frozen=True)
class Quiet:
    """Hours of the person's wall clock in which news that can wait does; `until` before `since` is the next day's."""

    since: time
    until: time
    zone: ZoneInfo

    def ends(self, at: datetime) -> datetime | None:
        """When the quiet hours that hold at `at` end; None outside of them."""
        local = at.astimezone(self.zone)
        clock = local.time()
        inside = (
            self.since <= clock < self.until if self.since <= self.until else clock >= self.since or clock < self.until
        )
        if not inside:
            return None
        day = local.date() if clock < self.until else local.date() + timedelta(days=1)
        return datetime.combine(day, self.until, self.zone).astimezone(at.tzinfo)


@dataclass(frozen=True)
class Send:
    """A message to send by a way, not before an instant; `fallback` are the ways that take over if it fails."""

    channel: str
    recipient: str
    not_before: datetime
    fallback: tuple[tuple[str, str], ...]
    reason: str


def plan(
    ways: Sequence[Way], quiet: Quiet | None, *, urgent: bool, now: datetime, last: Sequence[tuple[str, str]] = ()
) -> list[Send]:
    """Which messages tell a person, in their order.

    Urgent news goes by every way marked for it, each after its delay, whatever the hour: those that are still waiting
    are withdrawn when somebody acknowledges. Other news goes by the first way marked for it, after the quiet hours.
    `last` are ways that are tried when all of the person's own have failed.
    """
    fit = [way for way in ways if (way.urgent if urgent else way.normal)] or list(ways[:1])
    spare = [way for way in ways if way not in fit]
    if not urgent:
        fit, spare = fit[:1], [*fit[1:], *spare]
    fallback = (*((way.channel, way.recipient) for way in spare), *last)
    held = quiet.ends(now) if quiet and not urgent else None
    return [_send(way, fallback, now, held, urgent=urgent) for way in fit]


def _send(
    way: Way, fallback: tuple[tuple[str, str], ...], now: datetime, held: datetime | None, *, urgent: bool
) -> Send:
    if held is not None:
        return Send(way.channel, way.recipient, held, fallback, "after the quiet hours")
    if urgent and way.after:
        return Send(way.channel, way.recipient, now + way.after, fallback, f"after {format_duration(way.after)}")
    return Send(way.channel, way.recipient, now, fallback, "at once")
