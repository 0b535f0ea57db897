"""Heartbeat: a job tells golive that it ran. golive asks nothing; silence is the alarm."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import model_validator

from golive.checks.kind import Common, Kind
from golive.config.values import Duration


class HeartbeatSection(Common):
    """One job that pings golive when it has run, as cron jobs ping Healthchecks. Its page shows the address."""

    kind: Literal["heartbeat"]
    """"heartbeat"."""
    every: Duration = timedelta(days=1)
    """How often the job runs."""
    grace: Duration = timedelta(hours=1)
    """How late a ping may be before the job counts as missing."""
    longest: Duration | None = None
    """How long a run may take from its `/start`; as long as `grace` when left out."""

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if self.grace < timedelta(seconds=1):
            raise ValueError('grace is at least "1s"')
        return self


KIND = Kind("heartbeat", HeartbeatSection)
