"""`[oncall]` of golive.toml: people in order, repeat, escalate, schedules, escalation policies."""

from datetime import timedelta
from typing import Annotated, Any

from django.db import transaction
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, model_validator

from golive.config.sections import Difference, Section, register
from golive.config.values import Duration
from golive.kit.durations import format_duration
from golive.oncall.models import EscalationPolicy, OnCall, Schedule
from golive.oncall.plan import SchedulePlan, address
from golive.oncall.policies import SCHEDULE, PolicyPlan, Span
from golive.people import audit
from golive.people.models import Project

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
STANDING = ("people", "repeat", "escalate", "remind", "lapse")


class OnCallPlan(BaseModel):
    """Who is paged, in order; how often again; when the next person joins; schedules of turns."""

    model_config = ConfigDict(extra="forbid")
    people: list[Annotated[str, AfterValidator(address)]] = []
    """Addresses in the order in which they are paged; with schedules, after those whom these say."""
    repeat: Span = timedelta(minutes=5)
    """A page to one person repeats after this long without an acknowledgement."""
    escalate: Span = timedelta(minutes=10)
    """The next person joins after this long without an acknowledgement."""
    remind: Duration = timedelta(minutes=30)
    """Who acknowledged an incident is reminded after this long without a sign of life, and again; "0s": never."""
    lapse: Duration = timedelta(hours=2)
    """An acknowledgement without a sign of life for this long counts no more: pages start anew while something
    critical still fires; "0s": never."""
    schedules: dict[Name, SchedulePlan] = {}
    """Schedules by name, `[oncall.schedules.primary]`; the first one's person on call is paged first."""
    policies: dict[Name, PolicyPlan] = {}
    """Escalation policies by name, `[oncall.policies.payments]`; without one, the people above one after the other."""

    @model_validator(mode="after")
    def _known(self) -> "OnCallPlan":
        for name, plan in self.policies.items():
            if plan.outside and plan.outside not in self.policies:
                raise ValueError(f"policies.{name}.outside: there is no policy {plan.outside!r}")
            for who in (who for step in plan.steps for who in step.who if who.startswith(SCHEDULE)):
                if who.removeprefix(SCHEDULE) not in self.schedules:
                    known = ", ".join(self.schedules) or "none"
                    raise ValueError(f"policies.{name}: there is no {who!r}; the schedules are: {known}")
        return self


def differences(project_id: int, wanted: OnCallPlan) -> list[Difference]:
    kept = OnCall.objects.filter(project=project_id).first() or OnCall(project_id=project_id)
    pairs = [(name, getattr(kept, name), getattr(wanted, name)) for name in STANDING]
    standing = [Difference(f"oncall.{name}", _words(old), _words(new)) for name, old, new in pairs if old != new]
    return standing + _schedule_differences(project_id, wanted) + _policy_differences(project_id, wanted)


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


def _policy_differences(project_id: int, wanted: OnCallPlan) -> list[Difference]:
    kept = {one.name: one.read() for one in EscalationPolicy.objects.filter(project=project_id)}
    names = [*wanted.policies, *(name for name in kept if name not in wanted.policies)]
    found = [
        Difference(f"oncall.policies.{name}", _plan_words(kept.get(name)), _plan_words(wanted.policies.get(name)))
        for name in names
        if kept.get(name) != wanted.policies.get(name)
    ]
    if not found and list(kept) != list(wanted.policies):  # the first one that fits counts
        found.append(Difference("oncall.policies", ", ".join(kept), ", ".join(wanted.policies)))
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
        EscalationPolicy.objects.filter(project=project_id).exclude(name__in=wanted.policies).delete()
        for position, (name, policy) in enumerate(wanted.policies.items()):
            said = {"position": position, "plan": policy.model_dump(mode="json", by_alias=True)}
            EscalationPolicy.objects.update_or_create(project_id=project_id, name=name, defaults=said)
        project = Project.objects.get(pk=project_id)
        schedules = list(wanted.schedules)
        audit.record(actor, "oncall.configure", "oncall", project=project, people=wanted.people, schedules=schedules)


def _kept_form(plan: SchedulePlan) -> dict[str, Any]:
    return plan.model_dump(mode="json", by_alias=True)


def _plan_words(plan: PolicyPlan | None) -> str | None:
    return plan.words() if plan else None


def _words(value: Any) -> str | None:
    return format_duration(value) if isinstance(value, timedelta) else ", ".join(value) or None


register(Section("oncall", OnCallPlan, differences, apply))
