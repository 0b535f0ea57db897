"""The week in figures: what was shipped, how long stages took beside their budgets, DORA beside the week before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.db import transaction

from golive.kit.durations import format_duration
from golive.notify.models import Channels, OutboxMessage
from golive.notify.outbox import Content, enqueue
from golive.people.models import Project, Role, User
from golive.pipelines import dora
from golive.pipelines.dora import Measures
from golive.pipelines.models import FlakyTest, LoadTest, Run, RunStep
from golive.pipelines.outcome import State
from golive.pipelines.stages import SHAPES, Stage
from golive.pipelines.terminal import took

WEEK = timedelta(days=7)
HOUR = 8  # UTC, on Mondays
BAD = (State.FAILED, State.TIMED_OUT)


@dataclass(frozen=True)
class StageWeek:
    """One stage over a week: the median of its seconds beside the week before's and its budget."""

    name: str
    median: float
    before: float | None
    budget: float
    over: int
    count: int


@dataclass(frozen=True)
class Digest:
    """A week that begins on a Monday, in UTC."""

    first: date
    runs: int
    failed: int
    median_seconds: float | None
    stages: tuple[StageWeek, ...]
    measures: Measures
    before: Measures
    flaky: tuple[str, ...]
    failing: tuple[tuple[str, int], ...]
    load: str

    @property
    def headline(self) -> str:
        """The first sentence."""
        if not self.runs:
            return f"Nothing was shipped in the week of {self.first:%-d %B}."
        share = f"{self.failed} of {self.runs} runs failed" if self.failed else f"all {self.runs} runs went well"
        deploys = self.measures.deploys
        return (
            f"{deploys} deploy{'s' if deploys != 1 else ''} to production in the week of {self.first:%-d %B}; {share}."
        )

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        """DORA's measures: name, this week, the week before."""
        return [(name, said(self.measures), said(self.before)) for name, said in _MEASURES]

    def as_data(self) -> dict[str, Any]:
        """For machines: durations in seconds."""
        found = asdict(self) | {"first": self.first.isoformat(), "headline": self.headline}
        for name in ("measures", "before"):
            found[name] = {
                key: value.total_seconds() if isinstance(value, timedelta) else value
                for key, value in found[name].items()
            }
        return found


UNKNOWN = "not known"


def _share(value: float | None) -> str:
    return f"{value:.0%}" if value is not None else UNKNOWN


def _time(value: timedelta | None) -> str:
    return format_duration(timedelta(seconds=round(value.total_seconds()))) if value is not None else UNKNOWN


_MEASURES: tuple[tuple[str, Callable[[Measures], str]], ...] = (
    ("Deploys to production", lambda found: str(found.deploys)),
    ("Lead time from commit", lambda found: _time(found.lead_time)),
    ("Change-fail rate", lambda found: _share(found.fail_rate)),
    ("Recovery time", lambda found: _time(found.recovery)),
    ("Rework", lambda found: _share(found.rework_rate)),
)


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def due(now: datetime) -> date:
    """The Monday of the newest week whose digest is due: the one before, from Monday morning on."""
    at = now.astimezone(UTC)
    this = monday(at.date())
    late = at.date() > this or at.hour >= HOUR
    return this - (WEEK if late else 2 * WEEK)


def of_week(project: Project, first: date) -> Digest:
    """The digest of the week that begins on a Monday."""
    since = datetime.combine(first, time(), UTC)
    until = since + WEEK
    ended = Run.objects.filter(project=project, ended_at__gte=since, ended_at__lt=until)
    told = list(ended.exclude(state=State.CANCELLED).values_list("state", "seconds"))
    whole = [seconds for state, seconds in told if state == State.PASSED and seconds]
    steps = _steps(project, since, until)
    failing: dict[str, int] = {}
    for step in steps:
        if step.state in BAD:
            failing[step.name] = failing.get(step.name, 0) + 1
    flaky = FlakyTest.objects.filter(project=project, last_seen_at__gte=since, last_seen_at__lt=until)
    tested = LoadTest.objects.filter(project=project, began_at__gte=since, began_at__lt=until).first()
    return Digest(
        first=first,
        runs=len(told),
        failed=sum(state in BAD for state, _ in told),
        median_seconds=median(whole) if whole else None,
        stages=stages(steps, _steps(project, since - WEEK, since)),
        measures=dora.of_project(project, until, WEEK),
        before=dora.of_project(project, since, WEEK),
        flaky=tuple(flaky.values_list("name", flat=True)[:10]),
        failing=tuple(sorted(failing.items(), key=lambda one: (-one[1], one[0]))[:5]),
        load=tested.sentence if tested else "",
    )


def _steps(project: Project, since: datetime, until: datetime) -> list[RunStep]:
    ran = RunStep.objects.filter(run__project=project, run__ended_at__gte=since, run__ended_at__lt=until)
    return list(ran.filter(run_seconds__gt=0).order_by("run__number", "position")[:5000])


def stages(now: Sequence[RunStep], before: Sequence[RunStep]) -> tuple[StageWeek, ...]:
    """Each step that ran, in the pipeline's order. Pure."""
    old = _by_name(before)
    found = [
        StageWeek(
            name,
            median(step.seconds for step in steps),
            median(step.seconds for step in old[name]) if name in old else None,
            steps[-1].budget_seconds,
            sum(step.seconds > step.budget_seconds for step in steps),
            len(steps),
        )
        for name, steps in _by_name(now).items()
    ]
    order = {step.name: SHAPES[Stage(step.stage)].number for step in now}
    return tuple(sorted(found, key=lambda one: (order[one.name], one.name)))


def _by_name(steps: Sequence[RunStep]) -> Mapping[str, list[RunStep]]:
    found: dict[str, list[RunStep]] = {}
    for step in steps:
        found.setdefault(step.name, []).append(step)
    return found


def mail(project: Project, found: Digest) -> Content:
    """The digest as a mail."""
    lines = [found.headline, ""]
    lines += [f"{name}: {this} (the week before: {before})" for name, this, before in found.lines]
    if found.stages:
        lines += ["", "Stages, median beside the week before and the budget:"]
    for one in found.stages:
        then = f"{took(one.before)} before" if one.before is not None else "new"
        over = f", over it {one.over} of {one.count} times" if one.over else ""
        lines.append(f"  {one.name}: {took(one.median)} ({then}; budget {took(one.budget)}{over})")
    if found.failing:
        lines += ["", "Failed most: " + ", ".join(f"{name} {times} times" for name, times in found.failing)]
    if found.flaky:
        lines += ["", "Flaky: " + ", ".join(found.flaky)]
    if found.load:
        lines += ["", f"Load: {found.load}"]
    lines += ["", f"{settings.PUBLIC_URL}/p/{project.slug}/runs/digest/?week={found.first.isoformat()}"]
    return Content(f"{project.name}: {found.headline}", "\n".join(lines) + "\n", event="pipelines.digest")


def send(project: Project, first: date) -> int:
    """Mail the digest to those who may administer; each person gets a week's once. How many were written to."""
    key = f"digest/{project.slug}/{first.isoformat()}/"
    told = OutboxMessage.objects.filter(project=project, about="digest", key__startswith=key).exists()
    if told or not Channels.objects.filter(project=project).exclude(email="").exists():
        return 0
    found = of_week(project, first)
    if not found.runs and not found.measures.deploys:
        return 0
    words = mail(project, found)
    people = [person for person in User.objects.filter(is_active=True) if person.may(Role.ADMIN)]
    with transaction.atomic():
        for person in people:
            enqueue(project, "email", person.email, words, key=f"{key}{person.pk}", about="digest", person=person.email)
    return len(people)
