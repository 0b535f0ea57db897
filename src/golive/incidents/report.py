"""The month in figures: how fast incidents were detected, taken and mitigated, who was paged when, what is noisy."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import fmean
from zoneinfo import ZoneInfo

UTC_ZONE = ZoneInfo("UTC")
NIGHT = range(22, 24), range(7)


@dataclass(frozen=True)
class Told:
    """An incident as far as the report goes; clocks as they were measured, None where they do not apply."""

    number: int
    title: str
    severity: str
    detected: timedelta
    acknowledged: timedelta | None
    mitigated: timedelta | None
    clocks_met: int
    clocks_missed: int
    reviewed: bool
    due: bool  # a review was due by now


@dataclass(frozen=True)
class Page:
    """A page to a person, at an instant, in their time zone."""

    who: str
    at: datetime
    zone: ZoneInfo = UTC_ZONE

    @property
    def hour(self) -> int:
        return self.at.astimezone(self.zone).hour

    @property
    def at_night(self) -> bool:
        return any(self.hour in part for part in NIGHT)


@dataclass(frozen=True)
class Fired:
    """A condition that fired: in how many incidents, and in how many of them somebody acknowledged or wrote a cause."""

    source: str
    incident: int
    acted_on: bool


@dataclass(frozen=True)
class PersonLoad:
    """How often somebody was paged, by hour of their day."""

    who: str
    pages: int
    at_night: int
    by_hour: tuple[int, ...]


@dataclass(frozen=True)
class Noise:
    """How often a condition fired, and how often nobody had to do anything about it."""

    source: str
    fired: int
    for_nothing: int


@dataclass(frozen=True)
class Objective:
    """A declared objective over the month: `left` is the share of its error budget, below 0 when overspent.

    None where no request came in, or where the store was away: then `reason` says so.
    """

    name: str
    promised: float
    requests: int
    bad: int
    left: float | None
    reason: str = ""

    @property
    def burnt(self) -> float | None:
        """The share of the budget that was used up."""
        return None if self.left is None else 1 - self.left

    @property
    def good(self) -> float | None:
        return 1 - self.bad / self.requests if self.requests else None


@dataclass(frozen=True)
class Report:
    """A month. Means are None without an incident that they could be taken from."""

    incidents: int
    critical: int
    mttd: timedelta | None
    mtta: timedelta | None
    mttr: timedelta | None
    clocks_met: int
    clocks_missed: int
    reviews_due: int
    reviews_done: int
    pages: int
    load: list[PersonLoad] = field(default_factory=list)
    noise: list[Noise] = field(default_factory=list)
    objectives: list[Objective] = field(default_factory=list)


def report(
    incidents: Sequence[Told], pages: Sequence[Page], fired: Sequence[Fired], objectives: Sequence[Objective] = ()
) -> Report:
    """Count. Mean times to detect, acknowledge and repair are over critical incidents that have the measure."""
    critical = [one for one in incidents if one.severity == "critical"]
    return Report(
        incidents=len(incidents),
        critical=len(critical),
        mttd=_mean([one.detected for one in critical]),
        mtta=_mean([one.acknowledged for one in critical]),
        mttr=_mean([one.mitigated for one in critical]),
        clocks_met=sum(one.clocks_met for one in incidents),
        clocks_missed=sum(one.clocks_missed for one in incidents),
        reviews_due=sum(one.due for one in incidents),
        reviews_done=sum(one.due and one.reviewed for one in incidents),
        pages=len(pages),
        load=_load(pages),
        noise=_noise(fired),
        objectives=sorted(objectives, key=lambda one: (one.left is None, one.left or 0.0, one.name)),
    )


def month(text: str, now: datetime) -> tuple[datetime, datetime]:
    """The beginning and end of "2026-11", or of the month of `now`. Raises ValueError."""
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC) if text else now.astimezone(UTC)
    except ValueError:
        raise ValueError(f"{text!r} is not a month; write it like 2026-11") from None
    since = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return since, (since + timedelta(days=32)).replace(day=1)


def _mean(known: Sequence[timedelta | None]) -> timedelta | None:
    seconds = [one.total_seconds() for one in known if one is not None]
    return timedelta(seconds=round(fmean(seconds))) if seconds else None


def _load(pages: Sequence[Page]) -> list[PersonLoad]:
    found = []
    for who in sorted({page.who for page in pages}):
        hours = Counter(page.hour for page in pages if page.who == who)
        at_night = sum(page.who == who and page.at_night for page in pages)
        found.append(PersonLoad(who, hours.total(), at_night, tuple(hours[hour] for hour in range(24))))
    return sorted(found, key=lambda one: -one.pages)


def _noise(fired: Sequence[Fired]) -> list[Noise]:
    counts = Counter(one.source for one in fired)
    idle = Counter(one.source for one in fired if not one.acted_on)
    found = [Noise(source, count, idle[source]) for source, count in counts.items()]
    return sorted(found, key=lambda one: (-one.for_nothing, -one.fired, one.source))[:20]
