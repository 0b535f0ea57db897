"""Escalation policies as golive.toml says them, and what one comes to at an instant."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from golive.config.values import Duration
from golive.kit.durations import format_duration
from golive.oncall.escalation import Policy, Step
from golive.oncall.layers import WEEK, open_hours
from golive.oncall.plan import RestrictionPlan, address, known_zone

SCHEDULE = "schedule:"


def _positive(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("must be at least 1s")
    return value


Span = Annotated[Duration, AfterValidator(_positive)]


def _who(text: str) -> str:
    if text.startswith(SCHEDULE) and text != SCHEDULE:
        return text
    try:
        return address(text)
    except ValueError as error:
        raise ValueError(f'{error}; write an address, or "schedule:primary" for whoever it says') from None


class StepPlan(BaseModel):
    """Who is paged at once, and for how long before the next step joins."""

    model_config = ConfigDict(extra="forbid")
    who: list[Annotated[str, AfterValidator(_who)]] = Field(min_length=1)
    """Addresses, and `schedule:NAME` for whoever that schedule says. A step in which nobody is on call is skipped."""
    wait: Span | None = None
    """How long they have before the next step joins; `escalate` of [oncall] when left out."""
    round_robin: bool = False
    """Page one of them, the next incident the next one, instead of all."""


class PolicyPlan(BaseModel):
    """Steps of an escalation; `services` it counts for, hours at which it counts."""

    model_config = ConfigDict(extra="forbid")
    steps: list[StepPlan] = Field(min_length=1, max_length=20)
    """In order: each joins when the one before has not acknowledged."""
    services: list[str] = []
    """The services whose incidents it pages for; every other incident's when left out."""
    repeat: Span | None = None
    """A page to one person repeats after this long; `repeat` of [oncall] when left out."""
    hours: list[RestrictionPlan] = []
    """Business hours; always when left out."""
    zone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    """The time zone of the hours."""
    outside: str = ""
    """The policy that counts outside of the hours; without one, pages wait until they begin."""

    @model_validator(mode="after")
    def _sound(self) -> "PolicyPlan":
        if self.outside and not self.hours:
            raise ValueError('"outside" goes with "hours": without hours there is no outside')
        return self

    def words(self) -> str:
        """The plan in one line, for `golive apply`."""
        steps = " → ".join(
            f"{'one of ' if step.round_robin else ''}{', '.join(step.who)}"
            + (f" for {format_duration(step.wait)}" if step.wait else "")
            for step in self.steps
        )
        hours = " and ".join(f"{','.join(one.days or [])} {one.since}-{one.until}".strip() for one in self.hours)
        extra = [
            f"services {', '.join(self.services)}" if self.services else "",
            f"repeat {format_duration(self.repeat)}" if self.repeat else "",
            f"{hours} {self.zone}" if hours else "",
            f"outside {self.outside}" if self.outside else "",
        ]
        return "; ".join([steps, *(part for part in extra if part)])


def resolve(
    plans: Mapping[str, PolicyPlan],
    name: str,
    at: datetime,
    *,
    on_call: Callable[[str], str | None],
    repeat: timedelta,
    escalate: timedelta,
    turn: int = 0,
) -> Policy:
    """What a policy comes to at an instant. `on_call` answers whom a schedule says, `turn` counts a round robin.

    Follows `outside` while the hours are closed; policies that point at each other end where they meet.
    """
    seen: list[str] = []
    while True:
        plan = plans[name]
        seen.append(name)
        since, opens_at = _stretch(plan, at)
        if opens_at is None:
            steps = [_step(step, on_call, escalate, turn) for step in plan.steps]
            return Policy(tuple(step for step in steps if step.people), plan.repeat or repeat, name, since)
        if plan.outside not in plans or plan.outside in seen:
            return Policy((), plan.repeat or repeat, name, opens_at=opens_at)
        name = plan.outside


def chosen(plans: dict[str, PolicyPlan], service: str) -> str | None:
    """The policy for a service's incidents: the first that names it, else the first that names none."""
    named = (name for name, plan in plans.items() if service and service in plan.services)
    rest = (name for name, plan in plans.items() if not plan.services)
    return next(named, None) or next(rest, None)


def _step(plan: StepPlan, on_call: Callable[[str], str | None], escalate: timedelta, turn: int) -> Step:
    found = [on_call(who.removeprefix(SCHEDULE)) if who.startswith(SCHEDULE) else who for who in plan.who]
    people: Sequence[str] = list(dict.fromkeys(who for who in found if who))
    if plan.round_robin and people:
        people = [people[turn % len(people)]]
    return Step(tuple(people), plan.wait or escalate)


def _stretch(plan: PolicyPlan, at: datetime) -> tuple[datetime | None, datetime | None]:
    """When the hours that are open at `at` began; or when the next ones begin. Both None without hours."""
    hours = [one for restriction in plan.hours for one in restriction.hours()]
    if not hours:
        return None, None
    for since, until in open_hours(hours, ZoneInfo(plan.zone), at, at + WEEK):
        if since <= at < until:
            return since, None
        if since > at:
            return None, since
    return None, at + WEEK
