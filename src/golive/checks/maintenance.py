"""`[maintenance.NAME]` of golive.toml: when work is done and nobody is paged."""

from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, RootModel, field_validator, model_validator

from golive.checks.models import Maintenance
from golive.checks.windows import Window
from golive.config.sections import Difference, Section
from golive.config.values import Duration
from golive.kit.durations import format_duration

LONGEST = timedelta(days=7)


class WindowSection(BaseModel):
    """One window: `start` alone is once, with `every` again and again, `cron` by a cron expression."""

    model_config = ConfigDict(extra="forbid")
    length: Duration
    """How long it is open."""
    start: datetime | None = None
    """When it opens, as 2026-12-01T02:00:00; in `zone` unless it names its own."""
    every: Duration | None = None
    """How often it opens after `start`, such as "7d"; by the clock on the wall, summer time or not."""
    cron: str = ""
    """When it opens by cron, such as "0 3 * * sun"."""
    zone: str = "UTC"
    """The time zone, such as "Europe/Berlin"."""
    checks: list[str] = []
    """The checks it is about; all when left out."""

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f'{value!r} is no time zone; write one like "Europe/Berlin"') from error
        return value

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if not timedelta() < self.length <= LONGEST:
            raise ValueError('length is between "1s" and "7d"')
        if bool(self.cron) == (self.start is not None):
            raise ValueError("a window opens at `start` or by `cron`, one of them")
        if self.every is not None and (self.cron or self.every < self.length):
            raise ValueError("every goes with start, and is not shorter than length")
        if self.cron:
            try:
                CronSim(self.cron, datetime(2026, 1, 1, tzinfo=ZoneInfo(self.zone)))
            except CronSimError as error:
                raise ValueError(f"{self.cron!r} is no cron expression: {error}") from error
        return self

    def window(self, name: str) -> Window:
        zone = ZoneInfo(self.zone)
        start = self.start.replace(tzinfo=zone) if self.start and self.start.tzinfo is None else self.start
        return Window(name, self.length, zone, start, self.every, self.cron, tuple(self.checks))

    def said(self) -> str:
        """The window in one line."""
        when = f"by cron {self.cron}" if self.cron else f"from {self.start:%Y-%m-%d %H:%M}"
        again = f" every {format_duration(self.every)}" if self.every else ""
        return (
            f"{when}{again} for {format_duration(self.length)}, {self.zone}, {', '.join(self.checks) or 'all checks'}"
        )


class MaintenanceSection(RootModel[dict[str, WindowSection]]):
    """Maintenance windows by name. Checks go on; what breaks within one is not a page."""

    root: dict[str, WindowSection] = {}


def windows_of() -> dict[str, list[Window]]:
    """All windows by project's slug."""
    found: dict[str, list[Window]] = {}
    for row in Maintenance.objects.select_related("project"):
        found.setdefault(row.project.slug, []).append(_section(row).window(row.name))
    return found


def _section(row: Maintenance) -> WindowSection:
    return WindowSection.model_validate(row.definition)


def differences(project_id: int, wanted: MaintenanceSection) -> list[Difference]:
    """Windows to add, change and remove."""
    have = {row.name: _section(row).said() for row in Maintenance.objects.filter(project_id=project_id)}
    want = {name: section.said() for name, section in wanted.root.items()}
    names = sorted({*have, *want})
    return [Difference(f"maintenance.{n}", have.get(n), want.get(n)) for n in names if have.get(n) != want.get(n)]


def apply(project_id: int, wanted: MaintenanceSection, actor: str) -> None:
    """Make the project's windows those of the file."""
    Maintenance.objects.filter(project_id=project_id).exclude(name__in=wanted.root).delete()
    for name, section in wanted.root.items():
        Maintenance.objects.update_or_create(
            project_id=project_id, name=name, defaults={"definition": section.model_dump(mode="json")}
        )


SECTION = Section("maintenance", MaintenanceSection, differences, apply)
