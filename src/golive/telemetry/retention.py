"""Which days of telemetry to let go when it outgrows its budget of bytes.

One budget for all signals. Quiet logs (debug, info) go first, then spans and metrics, then louder logs, then what
was computed from them; errors, checks and business events go last. Within a kind the oldest day goes first, and the
last day of every kind is kept until nothing older is left to give.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum

DEFAULT_BUDGET_BYTES = 20_000_000_000
DISK_SHARE = 0.7
FRESH = timedelta(days=1)


class Kind(IntEnum):
    """What a partition holds, in the order in which it may go."""

    QUIET_LOGS = 0
    SPANS_AND_METRICS = 1
    LOUD_LOGS = 2
    ROLLUPS = 3
    EVIDENCE = 4


_KINDS = {
    "spans": Kind.SPANS_AND_METRICS,
    "metrics": Kind.SPANS_AND_METRICS,
    "statement_intervals": Kind.ROLLUPS,
    "trace_times": Kind.SPANS_AND_METRICS,
    "logs": Kind.LOUD_LOGS,
    "requests_by_minute": Kind.ROLLUPS,
    "requests_received": Kind.ROLLUPS,
    "log_facets": Kind.ROLLUPS,
    "errors": Kind.EVIDENCE,
    "check_results": Kind.EVIDENCE,
    "events": Kind.EVIDENCE,
}


@dataclass(frozen=True)
class Partition:
    """A part of a table that can be let go. `name` is the engine's text of its key, `identity` its id.

    `quiet` marks the share of a day's logs that is debug and info: it can be deleted, the rest stays.
    """

    table: str
    identity: str
    name: str
    size_bytes: int
    quiet: bool = False

    @property
    def kind(self) -> Kind | None:
        """None for a table that is not telemetry: it is never dropped."""
        return Kind.QUIET_LOGS if self.quiet else _KINDS.get(self.table)

    def divided(self, quiet_share: float) -> "tuple[Partition, Partition]":
        """Its quiet and its loud part, by the share of rows (0 to 1) that are quiet."""
        quiet_bytes = round(self.size_bytes * quiet_share)
        return replace(self, size_bytes=quiet_bytes, quiet=True), replace(
            self, size_bytes=self.size_bytes - quiet_bytes
        )

    @property
    def ends(self) -> datetime | None:
        """The first instant after its day or month; None when its key has no date."""
        if found := re.search(r"(\d{4})-(\d{2})-(\d{2})", self.name):
            year, month, day = map(int, found.groups())
            return datetime(year, month, day, tzinfo=UTC) + timedelta(days=1)
        if found := re.fullmatch(r"(\d{4})(\d{2})", self.name):
            year, month = map(int, found.groups())
            return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return None


@dataclass(frozen=True)
class Drop:
    """A partition to let go, and why."""

    partition: Partition
    reason: str


@dataclass(frozen=True)
class Plan:
    """What to drop; `short_bytes` is what is still above the budget when all that may go is gone."""

    drops: tuple[Drop, ...]
    used_bytes: int
    budget_bytes: int
    short_bytes: int
    reason: str


def budget(asked_bytes: int | None, used_bytes: int, free_bytes: int) -> int:
    """The budget: what the operator asked for, else 20 GB, but not more than 70 % of what the disk can give us."""
    if asked_bytes is not None:
        return asked_bytes
    return min(DEFAULT_BUDGET_BYTES, int(DISK_SHARE * (used_bytes + free_bytes)))


def plan(partitions: Iterable[Partition], budget_bytes: int, now: datetime) -> Plan:
    """Decide what to drop so that the sum of all sizes comes within the budget."""
    every = list(partitions)
    used = sum(partition.size_bytes for partition in every)
    over, drops = used - budget_bytes, []
    for partition in sorted((p for p in every if _may_go(p, now)), key=lambda p: _turn(p, now)):
        if over <= 0:
            break
        drops.append(Drop(partition, f"{used} of {budget_bytes} bytes are used; {_words(partition)} go first"))
        over -= partition.size_bytes
    if not drops:
        reason = "within the budget" if over <= 0 else "above the budget, but nothing may go"
    else:
        reason = f"{len(drops)} partitions go" + (f"; still {over} bytes above the budget" if over > 0 else "")
    return Plan(tuple(drops), used, budget_bytes, max(0, over), reason)


def _may_go(partition: Partition, now: datetime) -> bool:
    if partition.kind is None or partition.ends is None or partition.size_bytes == 0:
        return False
    return partition.kind is not Kind.EVIDENCE or not _is_fresh(partition, now)


def _is_fresh(partition: Partition, now: datetime) -> bool:
    return partition.ends is not None and partition.ends > now - FRESH


def _turn(partition: Partition, now: datetime) -> tuple[bool, int, datetime, str]:
    assert partition.kind is not None and partition.ends is not None  # noqa: S101, PT018
    return _is_fresh(partition, now), partition.kind, partition.ends, partition.table


def _words(partition: Partition) -> str:
    kind = Kind(partition.kind or 0)
    return f"the oldest {kind.name.lower().replace('_', ' ')}"
