"""`[oncall]` of golive.toml: people in order, repeat, escalate."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from golive.config.sections import Difference, Section, register
from golive.config.values import Duration
from golive.kit.durations import format_duration
from golive.oncall.models import OnCall
from golive.people import audit
from golive.people.models import Project


def _address(text: str) -> str:
    name, at, domain = text.strip().lower().partition("@")
    if not (name and at and domain) or any(letter.isspace() for letter in text.strip()):
        raise ValueError(f"{text!r} is not an email address")
    return text.strip().lower()


def _positive(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("must be at least 1s")
    return value


Span = Annotated[Duration, AfterValidator(_positive)]


class OnCallPlan(BaseModel):
    """Who is paged, in order; how often again; when the next person joins."""

    model_config = ConfigDict(extra="forbid")
    people: list[Annotated[str, AfterValidator(_address)]] = []
    """Addresses in the order in which they are paged."""
    repeat: Span = timedelta(minutes=5)
    """A page to one person repeats after this long without an acknowledgement."""
    escalate: Span = timedelta(minutes=10)
    """The next person joins after this long without an acknowledgement."""


def differences(project_id: int, wanted: OnCallPlan) -> list[Difference]:
    kept = OnCall.objects.filter(project=project_id).first() or OnCall(project_id=project_id)
    pairs = [(name, getattr(kept, name), getattr(wanted, name)) for name in OnCallPlan.model_fields]
    return [Difference(f"oncall.{name}", _words(old), _words(new)) for name, old, new in pairs if old != new]


def apply(project_id: int, wanted: OnCallPlan, actor: str) -> None:
    if not differences(project_id, wanted):
        return
    OnCall.objects.update_or_create(project_id=project_id, defaults=wanted.model_dump())
    project = Project.objects.get(pk=project_id)
    audit.record(actor, "oncall.configure", "oncall", project=project, people=wanted.people)


def _words(value: Any) -> str | None:
    return format_duration(value) if isinstance(value, timedelta) else ", ".join(value) or None


register(Section("oncall", OnCallPlan, differences, apply))
