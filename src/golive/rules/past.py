"""What any rule would have read at evenly spaced instants of the past. Raises StoreError."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from golive.kit.named import queries
from golive.rules import burn, condition, declared
from golive.rules.condition import Deliveries, Reading, Requests, SignupCount, Usage
from golive.rules.series import StoreSource, Ticks
from golive.rules.settings import (
    P95,
    Burn,
    Disk,
    ErrorGroups,
    ErrorRate,
    Pool,
    Query,
    RuleSettings,
    Signups,
    WebhookFailures,
)
from golive.telemetry import store

SQL = queries(Path(__file__).with_name("past.sql"))
TIME_LIMIT = timedelta(seconds=30)
Steps = list[list[Reading]]


class NotRecorded(ValueError):
    """The rule cannot be run over the past; the message says why."""


def readings(project: str, settings: RuleSettings, ticks: Ticks) -> Steps:
    """For each instant what each instance of the rule would have read. Raises StoreError, NotRecorded."""
    if isinstance(settings, Query):
        return declared.readings(settings, StoreSource(project, TIME_LIMIT), ticks)
    if isinstance(settings, Burn):
        return _burn(project, settings, ticks)
    if isinstance(settings, ErrorRate | P95):
        return _requests(project, settings, ticks)
    if isinstance(settings, Pool):
        return _pools(project, settings, ticks)
    if isinstance(settings, Disk):
        return _disks(project, settings, ticks)
    if isinstance(settings, WebhookFailures):
        return _webhooks(project, settings, ticks)
    if isinstance(settings, Signups):
        return _signups(project, settings, ticks)
    if isinstance(settings, ErrorGroups):
        raise NotRecorded(
            "what people decided about errors is not kept over time, so this rule has no history to run over"
        )
    raise NotRecorded(f"{type(settings).__name__} has no history to run over")


def _rows(name: str, project: str, ticks: Ticks, window: timedelta, **more: Any) -> dict[int, list[dict[str, Any]]]:
    """The rows of a query by instant."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in store.rows(
        SQL[name],
        project=project,
        first=ticks.first,
        step=ticks.step,
        count=float(ticks.count),
        window=window.total_seconds(),
        until=ticks.last,
        time_limit=TIME_LIMIT,
        **more,
    ):
        found[int(row["tick"])].append(row)
    return found


def _requests(project: str, settings: ErrorRate | P95, ticks: Ticks) -> Steps:
    fast = min(settings.fast, settings.window).total_seconds()
    by_tick = _rows("requests", project, ticks, settings.window, fast=fast)
    return [_judged(by_tick.get(tick, []), settings) for tick in range(ticks.count)]


def _judged(rows: Sequence[dict[str, Any]], settings: ErrorRate | P95) -> list[Reading]:
    parts = [
        Requests(
            environment=row["environment"],
            service=row["service"],
            route=None if row["whole"] else row["route"],
            fast_requests=int(row["fast_requests"]),
            fast_failures=int(row["fast_failures"]),
            fast_p95_ms=_number(row["fast_p95_ms"]),
            requests=int(row["all_requests"]),
            failures=int(row["all_failures"]),
            p95_ms=_number(row["all_p95_ms"]),
        )
        for row in rows
    ]
    routes: dict[tuple[str, str], list[Requests]] = defaultdict(list)
    for part in parts:
        if part.route is not None:
            routes[part.environment, part.service].append(part)
    whole = [(part, routes[part.environment, part.service]) for part in parts if part.route is None]
    if isinstance(settings, ErrorRate):
        return [condition.error_rate(part, below, settings) for part, below in whole]
    return [condition.p95(part, below, settings) for part, below in whole]


def _pools(project: str, settings: Pool, ticks: Ticks) -> Steps:
    by_tick = _rows("pools", project, ticks, settings.window)
    steps = []
    for tick in range(ticks.count):
        usages = sorted(
            (
                Usage(r["environment"], r["service"], r["pool"], _number(r["used"]), _number(r["most"]))
                for r in by_tick.get(tick, [])
            ),
            key=_place,
        )
        steps.append([condition.pool(place[2], list(some), settings) for place, some in groupby(usages, key=_place)])
    return steps


def _disks(project: str, settings: Disk, ticks: Ticks) -> Steps:
    by_tick = _rows("disks", project, ticks, settings.window)
    return [
        [
            condition.disk(Usage(r["environment"], r["host"], r["mountpoint"], _number(r["used"]), 1.0), settings)
            for r in by_tick.get(tick, [])
        ]
        for tick in range(ticks.count)
    ]


def _webhooks(project: str, settings: WebhookFailures, ticks: Ticks) -> Steps:
    if not settings.route:
        raise NotRecorded('no route is declared: write [alerts] webhook_failures = { route = "/webhooks/payments" }')
    by_tick = _rows("webhooks", project, ticks, settings.window, route=settings.route)
    return [
        [
            condition.webhook_failures(
                Deliveries(r["environment"], r["service"], int(r["requests"]), int(r["failures"]), r["statuses"]),
                settings,
            )
            for r in by_tick.get(tick, [])
        ]
        for tick in range(ticks.count)
    ]


def _signups(project: str, settings: Signups, ticks: Ticks) -> Steps:
    about = store.row(SQL["first_event"], project=project)
    first = about["first_at"] if about.get("events") else None
    window = settings.window.total_seconds()
    rows = store.rows(
        SQL["event_instants"],
        project=project,
        event=settings.event,
        since=ticks.first - 2 * window,
        until=ticks.last,
        time_limit=TIME_LIMIT,
    )
    instants = [float(row["at"]) for row in rows]
    steps = []
    for at in ticks.instants():
        upto = bisect_right(instants, at)
        count = upto - bisect_right(instants, at - window)
        now = datetime.fromtimestamp(at, UTC)
        last = datetime.fromtimestamp(instants[upto - 1], UTC) if upto else None
        known = first if first is not None and first <= now else None
        steps.append([condition.signups(SignupCount(count, last, known), settings, now)])
    return steps


def _burn(project: str, settings: Burn, ticks: Ticks) -> Steps:
    since, until = (
        datetime.fromtimestamp(at, UTC) for at in (ticks.first - burn.LONGEST.total_seconds() - burn.STEP, ticks.last)
    )
    sums = burn.Sums(burn.count(project, settings, since, until))
    return [[burn.judge(settings, sums, at)] for at in ticks.instants()]


def _place(usage: Usage) -> tuple[str, str, str]:
    return usage.environment, usage.service, usage.name


def _number(value: Any) -> float:
    number = float(value)
    return number if number == number else 0.0
