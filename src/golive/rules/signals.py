"""Readings of a project's rules from the telemetry store: one function a rule, found by its kind."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from golive.kit.named import queries
from golive.rules import burn, condition, groups
from golive.rules.condition import Deliveries, Reading, Requests, SignupCount, Usage
from golive.rules.declared import readings
from golive.rules.series import StoreSource, Ticks
from golive.rules.settings import (
    P95,
    Burn,
    Disk,
    ErrorGroups,
    ErrorRate,
    Pool,
    Query,
    RuleKind,
    RuleSettings,
    Signups,
    WebhookFailures,
)
from golive.telemetry import store

SQL = queries(Path(__file__).with_name("queries.sql"))
BUCKET_SECONDS = 10  # requests_received keeps ten-second buckets
ONE_LOOK = timedelta(seconds=5)  # one slow query must not keep the other rules waiting

Reader = Callable[[str, Any, datetime], list[Reading]]


def read(kind: RuleKind, project: str, settings: RuleSettings, now: datetime) -> list[Reading]:
    """What each instance of a rule reads at `now`. Raises StoreError."""
    return _READERS[kind](project, settings, now)


def _requests(project: str, settings: ErrorRate | P95, now: datetime) -> list[tuple[Requests, list[Requests]]]:
    """Each service with its routes."""
    until = int(now.timestamp())
    fast = min(settings.fast, settings.window)
    rows = store.rows(
        SQL["requests"],
        project=project,
        fast=_bucket(until - fast.total_seconds()),
        since=_bucket(until - settings.window.total_seconds()),
        until=until,
    )
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
    routes: dict[tuple[str, str], list[Requests]] = {}
    for part in parts:
        if part.route is not None:
            routes.setdefault((part.environment, part.service), []).append(part)
    return [(part, routes.get((part.environment, part.service), [])) for part in parts if part.route is None]


def _error_rate(project: str, settings: ErrorRate, now: datetime) -> list[Reading]:
    return [condition.error_rate(one, routes, settings) for one, routes in _requests(project, settings, now)]


def _p95(project: str, settings: P95, now: datetime) -> list[Reading]:
    return [condition.p95(one, routes, settings) for one, routes in _requests(project, settings, now)]


def _pool(project: str, settings: Pool, now: datetime) -> list[Reading]:
    rows = store.rows(SQL["pools"], project=project, **_span(settings.window.total_seconds(), now))
    usages = sorted(
        (Usage(r["environment"], r["service"], r["pool"], _number(r["used"]), _number(r["most"])) for r in rows),
        key=_place,
    )
    return [condition.pool(place[2], list(group), settings) for place, group in groupby(usages, key=_place)]


def _disk(project: str, settings: Disk, now: datetime) -> list[Reading]:
    rows = store.rows(SQL["disks"], project=project, **_span(settings.window.total_seconds(), now))
    return [
        condition.disk(Usage(row["environment"], row["host"], row["mountpoint"], _number(row["used"]), 1.0), settings)
        for row in rows
    ]


def _webhooks(project: str, settings: WebhookFailures, now: datetime) -> list[Reading]:
    if not settings.route:
        text = 'no route is declared: write [alerts] webhook_failures = { route = "/webhooks/payments" }'
        return [Reading(key="undeclared", subject="payment webhooks", known=False, text=text)]
    span = _span(settings.window.total_seconds(), now)
    rows = store.rows(SQL["webhooks"], project=project, route=settings.route, **span)
    return [
        condition.webhook_failures(
            Deliveries(row["environment"], row["service"], int(row["requests"]), int(row["failures"]), row["statuses"]),
            settings,
        )
        for row in rows
    ]


def _signups(project: str, settings: Signups, now: datetime) -> list[Reading]:
    span = _span(settings.window.total_seconds(), now)
    count = int(store.row(SQL["signups"], project=project, event=settings.event, **span)["signups"])
    last: dict[str, Any] = {} if count else store.row(SQL["last_signup"], project=project, event=settings.event)
    one = SignupCount(
        count=count,
        last_at=last["last_at"] if last.get("signups") else None,
        first_event_at=now if count else last["first_at"] if last.get("events") else None,
    )
    return [condition.signups(one, settings, now)]


def _query(project: str, settings: Query, now: datetime) -> list[Reading]:
    return readings(settings, StoreSource(project, ONE_LOOK), Ticks.at(now))[0]


def _burn(project: str, settings: Burn, now: datetime) -> list[Reading]:
    return [burn.judge(settings, burn.TALLIES.lately(project, settings, now), now.timestamp())]


def _errors(project: str, settings: ErrorGroups, now: datetime) -> list[Reading]:
    return groups.readings(project, settings, now)


_READERS: dict[RuleKind, Reader] = {
    RuleKind.ERROR_RATE: _error_rate,
    RuleKind.P95: _p95,
    RuleKind.POOL: _pool,
    RuleKind.DISK: _disk,
    RuleKind.WEBHOOK_FAILURES: _webhooks,
    RuleKind.SIGNUPS: _signups,
    RuleKind.THRESHOLD: _query,
    RuleKind.ABSENCE: _query,
    RuleKind.CHANGE: _query,
    RuleKind.ANOMALY: _query,
    RuleKind.BURN: _burn,
    RuleKind.ERRORS: _errors,
}


def _place(usage: Usage) -> tuple[str, str, str]:
    return usage.environment, usage.service, usage.name


def _span(seconds: float, now: datetime) -> dict[str, Any]:
    until = int(now.timestamp()) + 1
    return {"since": int(until - seconds), "until": until}


def _bucket(instant: float) -> int:
    """The beginning of an instant's bucket: a window may be up to 10 s longer than asked, never shorter."""
    return int(instant // BUCKET_SECONDS * BUCKET_SECONDS)


def _number(value: Any) -> float:
    number = float(value)
    return number if number == number else 0.0
