"""`[status]` of golive.toml: title, components, when to publish by itself."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, model_validator

from golive.config.sections import Difference, Section, register
from golive.config.values import Duration
from golive.kit.durations import format_duration
from golive.people import audit
from golive.people.models import Project
from golive.statuspage.models import Component, StatusPage


class ComponentPlan(BaseModel):
    """A part of the product as customers know it, and the names of the checks, rules and services that speak for it."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=120)
    """What customers call it."""
    description: str = Field("", max_length=300)
    """One line below the name."""
    checks: list[str] = []
    """The checks whose results it stands or falls with."""
    rules: list[str] = []
    """The alert rules that concern it, such as "error_rate"."""
    services: list[str] = []
    """The services whose incidents concern it."""

    def words(self) -> str:
        parts = [("checks", self.checks), ("rules", self.rules), ("services", self.services)]
        told = "; ".join(f"{kind} {', '.join(names)}" for kind, names in parts if names) or "nothing speaks for it"
        return f"{told} ({self.description})" if self.description else told


class StatusPlan(BaseModel):
    """The public status page."""

    model_config = ConfigDict(extra="forbid")
    title: str = Field("", max_length=120)
    """The page's heading; "NAME status" when empty."""
    components: list[ComponentPlan] = []
    """The parts of the product, in the order shown."""
    publish_after: Duration = timedelta(minutes=5)
    """A critical incident that concerns a component is told by itself after this long; "0s" tells at once."""

    @model_validator(mode="after")
    def _names_once(self) -> "StatusPlan":
        names = [component.name for component in self.components]
        if len(set(names)) != len(names):
            raise ValueError("two components have the same name")
        return self


def _current(project_id: int) -> StatusPlan:
    page = StatusPage.objects.filter(project=project_id).first() or StatusPage(project_id=project_id)
    fields = list(ComponentPlan.model_fields)
    kept = [
        ComponentPlan(**{name: getattr(component, name) for name in fields})
        for component in Component.objects.filter(project=project_id)
    ]
    return StatusPlan(title=page.title, components=kept, publish_after=page.publish_after)


def differences(project_id: int, wanted: StatusPlan) -> list[Difference]:
    current = _current(project_id)
    found = [
        Difference(f"status.{name}", _words(getattr(current, name)), _words(getattr(wanted, name)))
        for name in ("title", "publish_after")
        if getattr(current, name) != getattr(wanted, name)
    ]
    before = {component.name: component.words() for component in current.components}
    after = {component.name: component.words() for component in wanted.components}
    for name in [*after, *(name for name in before if name not in after)]:
        if before.get(name) != after.get(name):
            found.append(Difference(f"status.components.{name}", before.get(name), after.get(name)))
    if not found and list(before) != list(after):
        found.append(Difference("status.components", ", ".join(before), ", ".join(after)))
    return found


def apply(project_id: int, wanted: StatusPlan, actor: str) -> None:
    if not differences(project_id, wanted):
        return
    with transaction.atomic():
        StatusPage.objects.update_or_create(
            project_id=project_id, defaults={"title": wanted.title, "publish_after": wanted.publish_after}
        )
        Component.objects.filter(project=project_id).exclude(name__in=[c.name for c in wanted.components]).delete()
        for position, component in enumerate(wanted.components):
            Component.objects.update_or_create(
                project_id=project_id,
                name=component.name,
                defaults=component.model_dump(exclude={"name"}) | {"position": position},
            )
        audit.record(actor, "statuspage.configure", "status", project=Project.objects.get(pk=project_id))


def _words(value: Any) -> str | None:
    return format_duration(value) if isinstance(value, timedelta) else value or None


register(Section("status", StatusPlan, differences, apply))
