"""Error groups: their numbers from the telemetry store joined with what people decided about them."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from golive.console.charts import Band, Chart, Draw, Mark, Series
from golive.console.window import Window
from golive.errors.models import ErrorGroup, GroupState
from golive.kit.named import queries
from golive.people.models import Project
from golive.telemetry import store

QUERIES = queries(Path(__file__).parent / "queries.sql")
TREND_STEPS = 30
SORTS = {"last": "last", "first": "first", "events": "events", "people": "people"}


@dataclass(frozen=True)
class Group:
    """One error in a list: what it is, how often it happened in the window, whom it touched."""

    fingerprint: str
    type: str
    message: str
    culprit: str
    service: str
    release: str
    level: str
    events: int
    people: int
    unhandled: int
    first: datetime
    last: datetime
    trend: list[float | None]
    state: str
    regressed: bool = False
    new: bool = False


@dataclass(frozen=True)
class Wanted:
    """What a list of groups is filtered and sorted by."""

    state: str = GroupState.UNRESOLVED
    text: str = ""
    service: str = ""
    environment: str = ""
    sort: str = "last"


def groups(project: Project, window: Window, wanted: Wanted) -> tuple[list[Group], dict[str, int]]:
    """The groups of a window in the wanted state, sorted; and how many there are in each state."""
    since, until = int(window.since.timestamp()), int(window.until.timestamp()) + 1
    step = max(1, -(-(until - since) // TREND_STEPS))
    found = store.rows(
        QUERIES["groups"],
        project=project.slug,
        since=since,
        until=until,
        step=step,
        text=wanted.text,
        service=wanted.service,
        environment=wanted.environment,
    )
    decided = {group.fingerprint: group for group in ErrorGroup.objects.filter(project=project)}
    everything = [_joined(row, decided.get(row["fingerprint"]), window) for row in found]
    counts = {state: sum(group.state == state for group in everything) for state in GroupState.values}
    shown = [group for group in everything if wanted.state in ("all", group.state)]
    key = SORTS.get(wanted.sort, "last")
    return sorted(shown, key=lambda group: getattr(group, key), reverse=True), counts


def _joined(row: dict[str, Any], decided: ErrorGroup | None, window: Window) -> Group:
    places, counts = row.pop("trend")
    by_step = dict(zip(places, counts, strict=True))
    first = min(decided.first_seen, row["first"]) if decided else row["first"]
    return Group(
        **row | {"first": first},
        trend=[float(by_step.get(step, 0)) for step in range(TREND_STEPS)],
        state=decided.state if decided else GroupState.UNRESOLVED,
        regressed=bool(decided and decided.regressed_at and decided.state == GroupState.UNRESOLVED),
        new=first >= window.since,
    )


@dataclass(frozen=True)
class Total:
    """All that ever happened of one group, as far as the store keeps it."""

    events: int
    people: int
    first: datetime
    last: datetime
    first_release: str
    last_release: str
    type: str
    message: str
    culprit: str
    service: str
    environment: str
    releases: list[str] = field(default_factory=list)


def total(project: Project, fingerprint: str) -> Total | None:
    """The whole of a group; None when no event of it is kept."""
    row = store.row(QUERIES["group_total"], project=project.slug, fingerprint=fingerprint)
    if not row or not row["events"]:
        return None
    return Total(**row)


def occurrences(project: Project, fingerprint: str, window: Window, marks: list[Mark], bands: list[Band]) -> Chart:
    """How often the group happened over the window."""
    step = max(60, int(window.step(100).total_seconds()))
    since, until = int(window.since.timestamp()), int(window.until.timestamp()) + 1
    found = store.rows(
        QUERIES["occurrences"], project=project.slug, fingerprint=fingerprint, since=since, until=until, step=step
    )
    by_time = {int(row["bucket"]): float(row["events"]) for row in found}
    times = list(range(since // step * step, until, step))
    return Chart(
        "Occurrences",
        "",
        times,
        [Series("events", [by_time.get(at, 0.0) for at in times], "critical")],
        marks,
        bands,
        draw=Draw.BARS,
        height_px=120,
        select_link="?since={since}&until={until}",
    )
