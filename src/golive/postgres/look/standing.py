"""How a database stands, as pages, panel and API say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from golive.alerts.models import State
from golive.postgres.look.collector import EVERY, Collector
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.models import Snapshot
from golive.postgres.models import Database

ORDER = ("critical", "warning", "unknown", "info", "ok")


@dataclass(frozen=True)
class Standing:
    """One question, its last answer, and the state that follows from its findings and its age."""

    collector: Collector
    snapshot: Snapshot | None
    state: str
    reason: str

    @property
    def findings(self) -> list[dict[str, Any]]:
        return list(self.snapshot.findings) if self.snapshot else []


def standing(collector: Collector, snapshot: Snapshot | None, now: datetime) -> Standing:
    """Old answers are unknown, not green."""
    if snapshot is None:
        return Standing(collector, None, "unknown", "not asked yet")
    if now - snapshot.at > EVERY[collector.pace] * 4 + timedelta(minutes=2):
        return Standing(collector, snapshot, "unknown", "not answered lately")
    levels = {finding["level"] for finding in snapshot.findings}
    worst = next((level for level in ORDER if level in levels), "ok")
    first = next((finding for finding in snapshot.findings if finding["level"] == worst), None)
    reason = f"{first['subject']}: {first['reason']}" if first else "nothing wrong"
    return Standing(collector, snapshot, worst, reason)


def standings(database: Database, now: datetime) -> list[Standing]:
    """All questions, in their order."""
    known = {snapshot.collector: snapshot for snapshot in database.snapshots.all()}
    return [standing(collector, known.get(collector.name), now) for collector in COLLECTORS.values()]


def sentence(database: Database, found: Sequence[Standing]) -> str:
    """The page's first sentence."""
    firing = list(database.conditions.filter(state=State.FIRING).order_by("severity", "since"))
    if firing:
        more = f", and {len(firing) - 1} more" if len(firing) > 1 else ""
        return f"the database needs you: {firing[0].reason}{more}"
    known = [one for one in found if one.snapshot is not None]
    if not known:
        return "the database has not been looked at yet"
    warnings = sum(one.state in ("critical", "warning") for one in found)
    unknown = sum(one.state == "unknown" for one in found)
    said = (
        f"the database runs; {warnings} of {len(found)} questions found something"
        if warnings
        else "the database is well"
    )
    return said + (f"; {unknown} could not be answered" if unknown else "")
