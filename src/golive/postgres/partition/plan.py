"""`[database.partition.NAME]` of golive.toml: tables whose partitions golive makes ahead and retires."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from golive.config.values import Duration
from golive.postgres.partition.divide import How


class Every(StrEnum):
    """The length of a partition."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Keys(StrEnum):
    """Where the keys of a wrapped table hold."""

    WHOLE = "whole"
    """In the whole table: each key takes in the partition column, and an index is built for it."""
    EACH = "each"
    """In each partition, as they are: no index is built, and the table as a whole has none."""


class PartitionPlan(BaseModel):
    """One table partitioned by time."""

    model_config = ConfigDict(extra="forbid")
    table: str = Field(min_length=1)
    """The table, with its schema unless that is public."""
    by: str = Field(min_length=1)
    """The column of its time."""
    how: How = How.RANGE
    """How it is divided: range (of time), list or hash; only ranges have partitions made ahead and retired."""
    every: Every = Every.MONTH
    """The length of a partition: day, week, month or year."""
    ahead: int = Field(default=3, ge=1, le=60)
    """How many partitions are ready before their time."""
    keep: Duration | None = None
    """Partitions wholly older than this are detached, never dropped; nothing is when absent."""
