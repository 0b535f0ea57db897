"""Whom an escalation policy pages over a stretch of time: one piece for as long as its steps stay the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from golive.oncall.final import Gap, Shift
from golive.oncall.layers import open_hours
from golive.oncall.policies import SCHEDULE, PolicyPlan, resolve

Pieces = Sequence[Shift | Gap]


@dataclass(frozen=True)
class Cover:
    """since <= t < until: the steps in order, none of them empty; no step at all is a gap. `policy` is the one that
    counts, another than was asked for outside its hours; `waits` says that pages wait for the hours."""

    since: datetime
    until: datetime
    steps: tuple[tuple[str, ...], ...]
    policy: str
    waits: bool = False


def coverage(
    plans: Mapping[str, PolicyPlan], name: str, schedules: Mapping[str, Pieces], since: datetime, until: datetime
) -> list[Cover]:
    """Pieces in order that cover the stretch once and exactly. `schedules` are final ones of the same stretch.

    A round robin shows everybody who may have the turn, joined into one step.
    """
    if since >= until:
        return []
    joined = {one: _joined(plan) for one, plan in plans.items()}
    found: list[Cover] = []
    for start, end in pairwise(_edges(plans, name, schedules, since, until)):
        cover = _at(joined, name, schedules, start, end)
        if found and replace(found[-1], since=start, until=end) == cover:
            found[-1] = replace(found[-1], until=end)
        else:
            found.append(cover)
    return found


def reached(plans: Mapping[str, PolicyPlan], name: str) -> list[str]:
    """The policies that may count: this one and those outside its hours."""
    seen: list[str] = []
    while name in plans and name not in seen:
        seen.append(name)
        name = plans[name].outside
    return seen


def _edges(
    plans: Mapping[str, PolicyPlan], name: str, schedules: Mapping[str, Pieces], since: datetime, until: datetime
) -> list[datetime]:
    edges = {since, until}
    for one in reached(plans, name):
        hours = [hour for restriction in plans[one].hours for hour in restriction.hours()]
        if hours:
            edges |= {edge for span in open_hours(hours, ZoneInfo(plans[one].zone), since, until) for edge in span}
        named = {
            who.removeprefix(SCHEDULE) for step in plans[one].steps for who in step.who if who.startswith(SCHEDULE)
        }
        edges |= {piece.since for schedule in named for piece in schedules.get(schedule, ())}
    return sorted(edge for edge in edges if since <= edge <= until)


def _joined(plan: PolicyPlan) -> PolicyPlan:
    return plan.model_copy(update={"steps": [step.model_copy(update={"round_robin": False}) for step in plan.steps]})


def _at(
    plans: Mapping[str, PolicyPlan], name: str, schedules: Mapping[str, Pieces], start: datetime, end: datetime
) -> Cover:
    nothing = timedelta(0)
    policy = resolve(plans, name, start, on_call=_asked(schedules, start), repeat=nothing, escalate=nothing)
    return Cover(start, end, tuple(step.people for step in policy.steps), policy.name, policy.opens_at is not None)


def _asked(schedules: Mapping[str, Pieces], at: datetime) -> Callable[[str], str | None]:
    def on_call(schedule: str) -> str | None:
        piece = next((one for one in schedules.get(schedule, ()) if one.since <= at < one.until), None)
        return piece.who if isinstance(piece, Shift) else None

    return on_call
