"""How a declared partitioned table stands: are enough partitions ahead, and what is in each?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from golive.alerts.models import State
from golive.postgres.partition.bounds import missing
from golive.postgres.partition.plan import PartitionPlan
from golive.postgres.partition.policy import ends
from golive.postgres.partition.shape import SQL, split
from golive.postgres.session import Connection, rows


@dataclass(frozen=True)
class Standing:
    """One declared table. `parts` are dicts of name, bound, rows and bytes."""

    name: str
    plan: PartitionPlan
    state: State
    reason: str
    parts: Sequence[dict[str, Any]] = ()

    @property
    def size_bytes(self) -> int:
        return sum(int(part["bytes"]) for part in self.parts)


def judge(name: str, plan: PartitionPlan, parts: Sequence[dict[str, Any]], today: date) -> Standing:
    """From the partitions that there are."""
    if not parts:
        way = f"golive db partition convert {plan.table} --by {plan.by} --every {plan.every.value}"
        return Standing(name, plan, State.UNKNOWN, f"it is not partitioned yet: {way}")
    present = ends(list(parts))
    if not present:
        return Standing(name, plan, State.OK, f"{len(parts)} partitions, not by time", parts)
    newest = max(end for _, end in present)
    if newest <= today:
        reason = f"its last partition ended on {newest}: new rows are refused"
        return Standing(name, plan, State.FIRING, reason, parts)
    lacking = missing(split(plan.table)[1], newest, today, plan.every, plan.ahead)
    said = f"{len(parts)} partitions, ready until {newest}"
    if lacking:
        return Standing(name, plan, State.FIRING, f"{said}; {len(lacking)} of {plan.ahead} ahead are missing", parts)
    return Standing(name, plan, State.OK, said, parts)


def look(connection: Connection, name: str, plan: PartitionPlan, today: date) -> Standing:
    """Ask the server."""
    schema, table = split(plan.table)
    return judge(name, plan, rows(connection, SQL["parts"], {"schema": schema, "name": table}), today)


def unknown(name: str, plan: PartitionPlan, reason: str) -> Standing:
    """When the server cannot be asked."""
    return Standing(name, plan, State.UNKNOWN, reason)
