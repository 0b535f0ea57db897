"""A schedule as golive.toml says it, and the layers that it means."""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from golive.kit.durations import format_duration, parse_duration
from golive.oncall.layers import DAY, WEEK, Hours, Layer

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=366)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_WEEK_CLOCK = re.compile(rf"({'|'.join(DAYS)}) (.+)")


def address(text: str) -> str:
    """An email address in small letters. Raises ValueError."""
    name, at, domain = text.strip().lower().partition("@")
    if not (name and at and domain) or any(letter.isspace() for letter in text.strip()) or len(text) > 254:
        raise ValueError(f"{text!r} is not an email address")
    return text.strip().lower()


def known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a missing zone, a path out of the database, a folder
        raise ValueError(f'{name!r} is not a time zone; write one like "Europe/Berlin" or "UTC"') from None
    return name


def _turn(text: str) -> str:
    turn_of(text)
    return text


def _handoff(text: str) -> str:
    if _clock(text) >= DAY:
        raise ValueError('24:00 is the next day\'s "00:00"')
    return text


def turn_of(text: str) -> timedelta:
    """How long a turn lasts: "daily", "weekly", or a custom duration of whole minutes. Raises ValueError."""
    named = {"daily": DAY, "weekly": WEEK}.get(text)
    try:
        turn = named or parse_duration(text)
    except ValueError:
        raise ValueError(
            f'{text!r} is not a rotation; write "daily", "weekly" or a duration like "12h" or "3d"'
        ) from None
    if not SHORTEST <= turn <= LONGEST or turn % timedelta(minutes=1):
        raise ValueError(f"a turn lasts 1h to 366d, in whole minutes, not {format_duration(turn)}")
    return turn


def _clock(text: str) -> timedelta:
    if not _CLOCK.fullmatch(text):
        raise ValueError(f'{text!r} is not a time of day; write it like "09:00"')
    hour, minute = text.split(":")
    return timedelta(hours=int(hour), minutes=int(minute))


class RestrictionPlan(BaseModel):
    """Hours at which a layer is on call: hours of chosen days ("09:00" to "17:00"), or from one day of the week to
    another ("fri 17:00" to "mon 09:00")."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    since: str = Field(alias="from")
    """A time of day such as `09:00`, or with a day of the week: `fri 17:00`."""
    until: str
    """As `from`; a time of day that is not later than `from` is that of the next day."""
    days: list[Day] | None = None
    """The days on which hours of the day begin; all when left out."""

    @model_validator(mode="after")
    def _sound(self) -> "RestrictionPlan":
        self.hours()
        return self

    def hours(self) -> list[Hours]:
        """These hours as offsets from Monday 00:00. Raises ValueError."""
        first, last = _WEEK_CLOCK.fullmatch(self.since), _WEEK_CLOCK.fullmatch(self.until)
        if (first is None) != (last is None):
            raise ValueError('write a day of the week in both of "from" and "until", or in neither')
        if first and last:
            if self.days is not None:
                raise ValueError('"days" go with times of day; here the days are in "from" and "until"')
            start, end = _week_clock(first), _week_clock(last)
            return [Hours(start, end if end > start else end + WEEK)]
        start, end = _clock(self.since), _clock(self.until)
        length = end - start if end > start else end + DAY - start
        chosen = DAYS if self.days is None else self.days
        return [Hours(DAY * DAYS.index(day) + start, DAY * DAYS.index(day) + start + length) for day in chosen]


def _week_clock(match: re.Match[str]) -> timedelta:
    return DAY * [str(day) for day in DAYS].index(match[1]) + _clock(match[2])


class LayerPlan(BaseModel):
    """People who take turns. A later layer counts over an earlier one wherever somebody of it is on call."""

    model_config = ConfigDict(extra="forbid")
    people: list[Annotated[str, AfterValidator(address)]] = Field(min_length=1)
    """Addresses in the order of their turns."""
    start: date
    """The day on which the first turn begins; a weekly turn changes on this day of the week."""
    rotation: Annotated[str, AfterValidator(_turn)] = "weekly"
    """How long a turn lasts: `daily`, `weekly`, or a duration like `12h` or `3d`."""
    handoff: Annotated[str, AfterValidator(_handoff)] = "09:00"
    """The time of day at which turns change, on the wall clock of the zone, in summer as in winter."""
    zone: Annotated[str, AfterValidator(known_zone)] | None = None
    """Time zone of this layer, for following the sun; the schedule's when left out."""
    restrictions: list[RestrictionPlan] = []
    """Hours at which this layer is on call; all hours when left out. Turns go on outside of them."""
    end: date | None = None
    """The day on which the layer ends, at the handoff time; never when left out."""

    @model_validator(mode="after")
    def _sound(self) -> "LayerPlan":
        if not 2000 <= self.start.year < 2200 or (self.end and not self.start < self.end < date(2200, 1, 1)):
            raise ValueError("start is in this or the next century, and before end")
        return self

    def layer(self, zone: str) -> Layer:
        """What the plan means in a schedule of this zone."""
        handoff = time.fromisoformat(self.handoff)
        return Layer(
            people=tuple(self.people),
            turn=turn_of(self.rotation),
            start=datetime.combine(self.start, handoff),
            zone=ZoneInfo(self.zone or zone),
            hours=tuple(hours for one in self.restrictions for hours in one.hours()),
            end=datetime.combine(self.end, handoff) if self.end else None,
        )


class SchedulePlan(BaseModel):
    """Layers of people who take turns; overrides are made on the console, by command or over the API."""

    model_config = ConfigDict(extra="forbid")
    zone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    """Time zone of the schedule, such as `Europe/Berlin`; clock changes keep handoffs at their hour."""
    layers: list[LayerPlan] = Field(min_length=1)
    """Later ones count over earlier ones."""
    handoff_notice: bool = True
    """Mail who comes on call and who goes, at each handoff."""

    def meaning(self) -> list[Layer]:
        return [one.layer(self.zone) for one in self.layers]

    def words(self) -> str:
        """The plan in one line, for `golive apply`."""
        return f"{self.zone}: " + "; ".join(_layer_words(one) for one in self.layers)


def _layer_words(one: LayerPlan) -> str:
    hours = " and ".join(
        f"{','.join(hours.days) + ' ' if hours.days else ''}{hours.since}-{hours.until}" for hours in one.restrictions
    )
    parts = [
        f"{', '.join(one.people)} {one.rotation} from {one.start} {one.handoff}",
        one.zone or "",
        hours,
        f"until {one.end}" if one.end else "",
    ]
    return " ".join(part for part in parts if part)
