"""On-call: the first 24 hours after launch are covered without a gap, by people whose contact works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Q
from pydantic import BaseModel, ConfigDict

from golive.notify.models import OutboxMessage
from golive.oncall.models import EscalationPolicy, OnCall, Schedule
from golive.oncall.roster import roster_of
from golive.people.models import Project
from golive.readiness.inputs import of_settings, short
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import judged
from golive.readiness.verdict import Control, Report

DAY = timedelta(hours=24)
LOOK = timedelta(minutes=15)
FRESH = timedelta(days=30)


class OncallSettings(BaseModel):
    """On-call."""

    model_config = ConfigDict(extra="forbid")
    launch: datetime | None = None
    """When you launch, such as 2026-12-01T08:00:00Z; default: now."""
    tested: bool = True
    """Everybody on call must have got a page or test within the last month."""


@dataclass(frozen=True)
class Covered:
    """Who is paged first, from an instant on."""

    at: datetime
    people: Sequence[str]


def examine_cover(
    hours: Sequence[Covered], reached: Mapping[str, datetime | None], *, tested: bool, now: datetime
) -> Report:
    """Every quarter of an hour has somebody, and everybody's contact has worked lately."""
    report = Report(expected=len(hours), examined=len(hours))
    empty = [one.at for one in hours if not one.people]
    if empty:
        report.convict(
            "gap", f"nobody is on call from {empty[0]:%d %b %H:%M} UTC ({len(empty) * LOOK} in all within 24 hours)"
        )
    people = sorted({one.people[0] for one in hours if one.people})
    for who in people:
        report.expected += 1
        at = reached.get(who)
        if not tested:
            report.examined += 1
        elif at is None or at < now - FRESH:
            when = f"last on {at:%d %b %Y}" if at else "never"
            report.doubt(who, f"{who} was {when} reached by golive", "golive notify test, or page them once")
        else:
            report.examined += 1
    report.facts["on call"] = people
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("oncall", OncallSettings)
    project = Project.objects.get(pk=subject.number)
    roster, start = roster_of(project), max(wanted.launch or subject.now, subject.now)
    hours = []
    for step in range(int(DAY / LOOK)):
        at = start + step * LOOK
        steps = roster.on_call_at(at).steps
        hours.append(Covered(at, [who for one in steps for who in one.people]))
    everybody = {who for one in hours for who in one.people}
    return examine_cover(hours, {who: _reached(who) for who in everybody}, tested=wanted.tested, now=subject.now)


def _reached(who: str) -> datetime | None:
    """When a message to this person was last accepted by their channel."""
    mine = Q(person=who) | Q(recipient=who)
    newest: datetime | None = OutboxMessage.objects.filter(mine).aggregate(at=Max("sent_at"))["at"]
    return newest


def _print_of_plan(subject: Subject) -> str:
    kept = OnCall.objects.filter(project_id=subject.number).values_list("people", "repeat", "escalate")
    schedules = Schedule.objects.filter(project_id=subject.number).values_list("name", "plan")
    policies = EscalationPolicy.objects.filter(project_id=subject.number).values_list("name", "plan")
    return short(repr([list(kept), list(schedules), list(policies)]))


def controls() -> list[Control]:
    now = datetime(2026, 1, 5, 8).astimezone()
    full = [Covered(now + step * LOOK, ["ada"]) for step in range(96)]
    gap = [*full[:40], Covered(full[40].at, []), *full[41:]]

    def look(hours: Sequence[Covered]) -> Report:
        return examine_cover(hours, {"ada": now}, tested=True, now=now)

    return [
        judged("a gap of a quarter of an hour", True, lambda: look(gap)),
        judged("covered around the clock", False, lambda: look(full)),
    ]


ITEM = Item(
    key="oncall",
    order=19,
    area=Area.LAUNCH,
    title="On-call for the first 24 hours",
    question="Does somebody wake up when it breaks on the first night?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {"schedule": _print_of_plan(subject), "configuration": of_settings(subject, "oncall")},
    settings=OncallSettings,
    every=timedelta(hours=1),
    lasts=timedelta(hours=12),
)
