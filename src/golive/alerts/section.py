"""`[inhibit.NAME]` of golive.toml."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, model_validator

from golive.alerts import matching
from golive.alerts.models import Inhibition
from golive.config.sections import Difference, Section, register
from golive.config.values import Duration
from golive.kit.durations import format_duration

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _matchers(text: str) -> str:
    matching.read(text)
    return text


Matchers = Annotated[str, Field(max_length=500), AfterValidator(_matchers)]


class Inhibit(BaseModel):
    """Nobody is told of one thing while another fires: a dead database is one page, not forty."""

    model_config = ConfigDict(extra="forbid")
    when: Matchers
    """The cause, by matchers: "kind=check name=database"."""
    mute: Matchers
    """What is then not told: "kind=rule severity=warning"."""
    equal: list[Annotated[str, Field(max_length=100)]] = []
    """Labels that must be the same on both, such as ["environment"]."""
    wait: Duration = timedelta(seconds=15)
    """How long an effect waits untold for a cause that shows later than itself; "0s" not at all."""

    @model_validator(mode="after")
    def _short(self) -> "Inhibit":
        if not timedelta(0) <= self.wait <= timedelta(minutes=5):
            raise ValueError('wait is at most "5m"')
        return self

    def said(self) -> str:
        same = f", same {', '.join(self.equal)}" if self.equal else ""
        return f"{self.mute} while {self.when}{same}, waits {format_duration(self.wait)}"


class InhibitSection(RootModel[dict[str, Inhibit]]):
    """What keeps what quiet, by name."""

    root: dict[str, Inhibit] = {}

    @model_validator(mode="after")
    def _names(self) -> "InhibitSection":
        for name in self.root:
            if not NAME.fullmatch(name):
                raise ValueError(f"the name {name!r} must be small letters, digits, - and _, at most 63")
        return self


def _kept(row: Inhibition) -> Inhibit:
    return Inhibit(when=row.when, mute=row.mute, equal=row.equal, wait=row.wait)


def differences(project_id: int, wanted: InhibitSection) -> list[Difference]:
    """Inhibitions to add, change and remove."""
    have = {row.name: _kept(row).said() for row in Inhibition.objects.filter(project_id=project_id)}
    want = {name: one.said() for name, one in wanted.root.items()}
    names = sorted({*have, *want})
    return [Difference(f"inhibit.{n}", have.get(n), want.get(n)) for n in names if have.get(n) != want.get(n)]


def apply(project_id: int, wanted: InhibitSection, actor: str) -> None:
    """Make them those of the file."""
    Inhibition.objects.filter(project_id=project_id).exclude(name__in=wanted.root).delete()
    for name, one in wanted.root.items():
        Inhibition.objects.update_or_create(project_id=project_id, name=name, defaults=one.model_dump())


register(Section("inhibit", InhibitSection, differences, apply))
