"""Maintenance windows: once, again and again, or by cron. Pure: time is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim


@dataclass(frozen=True)
class Window:
    """When work is done. It begins at `start` once, then each `every` of wall-clock time, or whenever `cron` says.

    `checks` are those it is about; none means all.
    """

    name: str
    length: timedelta
    zone: ZoneInfo
    start: datetime | None = None
    every: timedelta | None = None
    cron: str = ""
    checks: tuple[str, ...] = ()

    def about(self, check: str) -> bool:
        return not self.checks or check in self.checks

    def open_until(self, now: datetime) -> datetime | None:
        """When the window that is open at `now` closes; None when none is open."""
        began = self._last_begin(now)
        return began + self.length if began is not None and now < began + self.length else None

    def _last_begin(self, now: datetime) -> datetime | None:
        if self.cron:
            return self._last_of_cron(now)
        if self.start is None or now < self.start:
            return None
        if self.every is None:
            return self.start
        local = self.start.astimezone(self.zone).replace(tzinfo=None)  # a weekly window keeps its hour over summer time
        passed = now.astimezone(self.zone).replace(tzinfo=None) - local
        begin = (local + self.every * max(0, passed // self.every)).replace(tzinfo=self.zone)
        return begin.astimezone(now.tzinfo)

    def _last_of_cron(self, now: datetime) -> datetime | None:
        last = None
        for at in CronSim(self.cron, (now - self.length - timedelta(minutes=1)).astimezone(self.zone)):
            if at > now:
                break
            last = at
        return last.astimezone(now.tzinfo) if last else None


def under_maintenance(windows: Sequence[Window], check: str, now: datetime) -> tuple[Window, datetime] | None:
    """The window that is open for a check, and when the last of those closes."""
    found = [(window, until) for window in windows if window.about(check) and (until := window.open_until(now))]
    return max(found, key=lambda pair: pair[1]) if found else None
