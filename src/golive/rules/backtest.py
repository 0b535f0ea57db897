"""Back-test: run a rule over recorded history and say when it would have fired, whom it would have paged, how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.alerts.models import Severity
from golive.kit.durations import format_duration
from golive.oncall.escalation import decide as escalate
from golive.oncall.roster import roster_of
from golive.people.models import Project
from golive.rules import past
from golive.rules.condition import Reading
from golive.rules.evaluate import timing_of
from golive.rules.series import Ticks
from golive.rules.settings import RuleKind, RuleSettings
from golive.rules.simulate import Firing, simulate

LONGEST = timedelta(days=31)
SHORTEST = timedelta(minutes=10)
MOST_STEPS = 10_100
MOST_POINTS = 240  # of the value that is drawn
FINEST = 10.0  # seconds: how often rules are evaluated


@dataclass(frozen=True)
class Told:
    """A firing and the people who would have heard of it: paged when critical, else told once."""

    firing: Firing
    people: Sequence[str]

    @property
    def paged(self) -> bool:
        return self.firing.severity == Severity.CRITICAL


@dataclass(frozen=True)
class Result:
    """What a rule would have done between two instants, looked at every `step`."""

    since: datetime
    until: datetime
    step: timedelta
    told: Sequence[Told]
    looks: int
    known: int  # looks at which something could be said
    course: Sequence[tuple[float, float | None]] = ()  # the worst value by stretch, from its first look (unix seconds)

    @property
    def pages(self) -> int:
        return sum(one.paged for one in self.told)

    @property
    def firing(self) -> timedelta:
        return sum((one.firing.lasted(self.until) for one in self.told), timedelta(0))

    def sentence(self) -> str:
        """The answer in one sentence."""
        over = format_duration(self.until - self.since)
        if not self.known:
            return f"In the last {over} there was no data to judge, so this proves nothing"
        if not self.told:
            return f"In the last {over} it would not have fired"
        times = f"{len(self.told)} time{'s' if len(self.told) > 1 else ''}"
        pages = f"{self.pages} page{'s' if self.pages != 1 else ''}"
        return f"In the last {over} it would have fired {times} ({pages}), {format_duration(self.firing)} in all"


def step_for(length: timedelta) -> float:
    """Seconds between looks: as often as the rule is evaluated, or as many looks as one run may take."""
    return max(FINEST, -(-length.total_seconds() // MOST_STEPS // 10) * 10)


def run(project: Project, kind: RuleKind, settings: RuleSettings, since: datetime, until: datetime) -> Result:
    """Run a rule that need not exist over history. Raises StoreError, NotRecorded."""
    if until - since > LONGEST or until - since < SHORTEST:
        raise past.NotRecorded(f"a back-test runs over {format_duration(SHORTEST)} to {format_duration(LONGEST)}")
    step = step_for(until - since)
    count = int((until - since).total_seconds() // step) + 1
    ticks = Ticks(until.timestamp() - (count - 1) * step, step, count)
    steps = past.readings(project.slug, settings, ticks)
    instants = [datetime.fromtimestamp(at, until.tzinfo) for at in ticks.instants()]
    firings = simulate(zip(instants, steps, strict=True), timing_of(kind, settings))
    known = sum(any(reading.known for reading in each) for each in steps)
    told = [Told(firing, people(project, firing)) for firing in firings]
    drawn = course(ticks.instants(), steps, lowest=getattr(settings, "direction", "") == "below")
    return Result(since, until, timedelta(seconds=step), told, count, known, drawn)


def course(
    instants: Sequence[float], steps: Sequence[Sequence[Reading]], *, lowest: bool = False
) -> list[tuple[float, float | None]]:
    """The worst value of all instances, by at most MOST_POINTS stretches; None where nothing is known."""
    worst, size = min if lowest else max, -(-len(instants) // MOST_POINTS)
    found = []
    for begin in range(0, len(instants), size):
        values = [
            reading.value
            for readings in steps[begin : begin + size]
            for reading in readings
            if reading.known and reading.value is not None
        ]
        found.append((instants[begin], worst(values) if values else None))
    return found


def people(project: Project, firing: Firing) -> list[str]:
    """Who would have heard of it first, by the roster of that instant."""
    policy = roster_of(project).on_call_at(firing.at, firing.service)
    if firing.severity != Severity.CRITICAL:
        return list(policy.people[:1])
    return [page.who for page in escalate(policy, firing.at, [], firing.at).pages]
