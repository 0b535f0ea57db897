"""`[oncall]` of golive.toml: people in order, repeat, escalate, schedules."""

from datetime import timedelta
from typing import Annotated, Any

from django.db import transaction
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from golive.config.sections import Difference, Section, register
from golive.config.values import Duration
from golive.kit.durations import format_duration
from golive.oncall.models import OnCall, Schedule
from golive.oncall.plan import SchedulePlan, address
from golive.people import audit
from golive.people.models import Project


def _positive(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("must be at least 1s")
    return value


Span = Annotated[Duration, AfterValidator(_positive)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
STANDING = ("people", "repeat", "escalate")


class OnCallPlan(BaseModel):
    """Who is paged, in order; how often again; when the next person joins; schedules of turns."""

    model_config = ConfigDict(extra="forbid")
    people: list[Annotated[str, AfterValidator(address)]] = []
    """Addresses in the order in which they are paged; with schedules, after those whom these say."""
    repeat: Span = timedelta(minutes=5)
    """A page to one person repeats after this long without an acknowledgement."""
    escalate: Span = timedelta(minutes=10)
    """The next person joins after this long without an acknowledgement."""
    schedules: dict[Name, SchedulePlan] = {}
    """Schedules by name, `[oncall.schedules.primary]`; the first one's person on call is paged first."""


def differences(project_id: int, wanted: OnCallPlan) -> list[Difference]:
    kept = OnCall.objects.filter(project=project_id).first() or OnCall(project_id=project_id)
    pairs = [(name, getattr(kept, name), getattr(wanted, name)) for name in STANDING]
    standing = [Difference(f"oncall.{name}", _words(old), _words(new)) for name, old, new in pairs if old != new]
    return standing + _schedule_differences(project_id, wanted)


def _schedule_differences(project_id: int, wanted: OnCallPlan) -> list[Difference]:
    kept = {one.name: one for one in Schedule.objects.filter(project=project_id)}
    found = [
        Difference(f"oncall.schedules.{name}", kept[name].read().words() if name in kept else None, plan.words())
        for name, plan in wanted.schedules.items()
        if name not in kept or kept[name].plan != _kept_form(plan)
    ]
    found += [
        Difference(f"oncall.schedules.{name}", one.read().words(), None)
        for name, one in kept.items()
        if name not in wanted.schedules
    ]
    before, after = (
        [name for name in kept if name in wanted.schedules],
        [name for name in wanted.schedules if name in kept],
    )
    if before != after:
        found.append(Difference("oncall.schedules", ", ".join(before), ", ".join(after)))
    return found


def apply(project_id: int, wanted: OnCallPlan, actor: str) -> None:
    if not differences(project_id, wanted):
        return
    with transaction.atomic():
        standing = {name: getattr(wanted, name) for name in STANDING}
        OnCall.objects.update_or_create(project_id=project_id, defaults=standing)
        Schedule.objects.filter(project=project_id).exclude(name__in=wanted.schedules).delete()
        for position, (name, plan) in enumerate(wanted.schedules.items()):
            kept = {"position": position, "plan": _kept_form(plan)}
            Schedule.objects.update_or_create(project_id=project_id, name=name, defaults=kept)
        project = Project.objects.get(pk=project_id)
        schedules = list(wanted.schedules)
        audit.record(actor, "oncall.configure", "oncall", project=project, people=wanted.people, schedules=schedules)


def _kept_form(plan: SchedulePlan) -> dict[str, Any]:
    return plan.model_dump(mode="json", by_alias=True)


def _words(value: Any) -> str | None:
    return format_duration(value) if isinstance(value, timedelta) else ", ".join(value) or None


register(Section("oncall", OnCallPlan, differences, apply))
