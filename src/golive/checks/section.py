"""`[checks.NAME]` of golive.toml."""

import re
from typing import TYPE_CHECKING, Annotated, Union

from django.utils import timezone
from pydantic import Discriminator, RootModel, Tag, model_validator

from golive.alerts import flips
from golive.alerts.models import Severity, State
from golive.checks import definition, maintenance
from golive.checks.errands import way_out
from golive.checks.kind import Common
from golive.checks.kinds import KINDS, kind_of
from golive.checks.kinds.journey import JourneySection
from golive.checks.models import Check, CheckState, Job, Probe
from golive.config.reader import ConfigError, Problem
from golive.config.sections import Difference, Section, register

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

if TYPE_CHECKING:
    CheckSection = Common
else:
    CheckSection = Annotated[
        Union[tuple(Annotated[kind.section, Tag(kind.name)] for kind in KINDS.values())],  # noqa: UP007
        Discriminator(
            kind_of,
            custom_error_type="kind",
            custom_error_message=f"one of the kinds {', '.join(KINDS)}",
        ),
    ]


class ChecksSection(RootModel[dict[str, CheckSection]]):
    """What golive probes, by name: small letters, digits, "-" and "_"."""

    root: dict[str, CheckSection] = {}

    @model_validator(mode="after")
    def _names(self) -> "ChecksSection":
        for name in self.root:
            if not NAME.fullmatch(name):
                raise ValueError(f"the check name {name!r} must be small letters, digits, - and _, at most 63")
        return self

    @model_validator(mode="after")
    def _depend(self) -> "ChecksSection":
        for name, section in self.root.items():
            for below in section.depends_on:
                if below not in self.root or below == name:
                    raise ValueError(f"checks.{name} depends on {below!r}, which is no other check of this file")
            if circle := _circle(name, {name: section.depends_on for name, section in self.root.items()}):
                raise ValueError(f"checks depend on each other in a circle: {' → '.join(circle)}")
        return self


def _circle(start: str, below: dict[str, list[str]]) -> list[str] | None:
    """A way from a check back to itself."""
    paths = [[start]]
    while paths:
        path = paths.pop()
        for following in below.get(path[-1], []):
            if following == start:
                return [*path, start]
            if following not in path:
                paths.append([*path, following])
    return None


def differences(project_id: int, wanted: ChecksSection) -> list[Difference]:
    """Checks to add, change and remove. Raises ConfigError for a new journey in a region that cannot run it."""
    have = {check.name: definition.of(check).said() for check in Check.objects.filter(project_id=project_id)}
    want = {name: section.said() for name, section in wanted.root.items()}
    names = [name for name in sorted({*have, *want}) if have.get(name) != want.get(name)]
    if problems := _homeless({name: wanted.root[name] for name in names if name in want}):
        raise ConfigError(problems)
    return [Difference(f"checks.{name}", have.get(name), want.get(name)) for name in names]


def _homeless(changed: dict[str, Common]) -> list[Problem]:
    """What is wrong with journeys for regions whose probes cannot run them."""
    asked = {name: one for name, one in changed.items() if isinstance(one, JourneySection) and one.elsewhere}
    probes = list(Probe.objects.filter(token__revoked_at=None)) if asked else []
    return [
        Problem("golive.toml", 0, f"checks.{name}.regions", repr(region), "a region that can run journeys", way)
        for name, one in asked.items()
        for region in one.elsewhere
        if (way := way_out(region, probes))
    ]


def apply(project_id: int, wanted: ChecksSection, actor: str) -> None:
    """Make the project's checks those of the file. A removed check that was down flips to unknown."""
    now = timezone.now()
    for check in Check.objects.filter(project_id=project_id).exclude(name__in=wanted.root).select_related("project"):
        retire(check)
        check.delete()
    for name, section in wanted.root.items():
        check, _ = Check.objects.update_or_create(
            project_id=project_id, name=name, defaults=definition.columns(section)
        )
        CheckState.objects.get_or_create(check_row=check, defaults={"since": now})
        if section.kind == "heartbeat":
            Job.objects.get_or_create(check_row=check, defaults={"since": now})


def retire(check: Check) -> None:
    """Say that nobody watches any more, if the check was down: otherwise its incident would wait for ever."""
    state = CheckState.objects.filter(check_row=check, state=State.FIRING).first()
    if state is not None:
        flips.record(
            check.project,
            f"check:{check.name}",
            title=f"{check.name} is no longer checked",
            old=State.FIRING,
            new=State.UNKNOWN,
            severity=Severity.INFO,
            reason="the check was removed from golive.toml while it was down",
            at=timezone.now(),
            environment=check.environment,
        )


register(Section("checks", ChecksSection, differences, apply))
register(maintenance.SECTION)
