"""`[watchdog]` of golive.toml: who is told that golive lives."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from golive.config.sections import Difference, Section, register
from golive.config.values import Duration
from golive.incidents.models import Watchdog
from golive.kit.durations import format_duration
from golive.people import audit
from golive.people.models import Project
from golive.people.secrets import is_reference


def _address(text: str) -> str:
    if not is_reference(text) and not text.startswith(("http://", "https://")):
        raise ValueError("write an http(s) URL, or env:NAME, file:PATH, secret:NAME")
    return text


def _span(value: timedelta) -> timedelta:
    if value < timedelta(seconds=10):
        raise ValueError("must be at least 10s")
    return value


class WatchdogPlan(BaseModel):
    """The dead-man's switch."""

    model_config = ConfigDict(extra="forbid")
    pings: list[Annotated[str, AfterValidator(_address)]] = []
    """Addresses that are asked while golive can see and page: a Healthchecks URL, or a heartbeat of another golive."""
    every: Annotated[Duration, AfterValidator(_span)] = timedelta(minutes=1)
    """How often."""


def differences(project_id: int, wanted: WatchdogPlan) -> list[Difference]:
    kept = Watchdog.objects.filter(project=project_id).first() or Watchdog(project_id=project_id)
    found = []
    if kept.pings != wanted.pings:
        found.append(Difference("watchdog.pings", _count(kept.pings), _count(wanted.pings)))
    if kept.every != wanted.every:
        found.append(Difference("watchdog.every", format_duration(kept.every), format_duration(wanted.every)))
    return found


def apply(project_id: int, wanted: WatchdogPlan, actor: str) -> None:
    if not differences(project_id, wanted):
        return
    kept = {"pings": wanted.pings, "every": wanted.every, "last_at": None}
    Watchdog.objects.update_or_create(project_id=project_id, defaults=kept)
    audit.record(actor, "watchdog.configure", "watchdog", project=Project.objects.get(pk=project_id))


def _count(addresses: list[str]) -> str | None:
    """Such addresses are secrets: those that are not references are only counted."""
    named = [one for one in addresses if is_reference(one)]
    plain = len(addresses) - len(named)
    return ", ".join([*named, *([f"{plain} written out"] if plain else [])]) or None


register(Section("watchdog", WatchdogPlan, differences, apply))
