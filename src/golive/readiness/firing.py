"""The cookbook's rules, each fired once in rehearsal: planted telemetry, the real store, the real decisions.

The telemetry belongs to a project that does not exist, named by the nonce, so that nothing of the product's own is
touched. What its rules decide is decided in a transaction that is taken back: nobody is paged.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from golive.alerts.models import Flip, State
from golive.kit.named import queries
from golive.people.models import Project
from golive.readiness.verdict import CannotTell
from golive.rules import signals
from golive.rules.condition import Reading
from golive.rules.configure import ensure
from golive.rules.evaluate import evaluate, timing_of, with_defaults
from golive.rules.models import Rule
from golive.rules.settings import (
    COOKBOOK,
    P95,
    ErrorRate,
    RuleKind,
    RuleSettings,
    Signups,
    WebhookFailures,
)
from golive.telemetry import facts, store
from golive.telemetry.store import StoreError

SQL = queries(Path(__file__).with_name("firing.sql"))
PATIENCE = timedelta(seconds=20)
MORE = timedelta(seconds=1)  # beyond what a breach has to hold
Settings = Mapping[RuleKind, RuleSettings]
Readings = Mapping[tuple[RuleKind, bool], Sequence[Reading]]


@dataclass(frozen=True)
class Fired:
    """What the planted faults led to: by rule, what it said when it fired."""

    nonce: str
    said: Mapping[str, str]


def rehearse(project: Project) -> Fired:
    """Give each rule, with the settings in force, what it is there for. Raises CannotTell."""
    nonce, settings = f"golive{secrets.token_hex(6)}", in_force(project)
    slug = f"rehearsal-{nonce}"
    try:
        try:
            for table, rows in planted(slug, nonce, settings, timezone.now()).items():
                facts.record(table, rows)
            if not facts.flush(PATIENCE.total_seconds()):
                raise CannotTell(
                    "rehearsal", f"the store did not take planted telemetry within {PATIENCE}", "golive doctor"
                )
            readings = read_twice(slug, settings, timezone.now())
        finally:
            forget(slug)
    except StoreError as error:
        raise CannotTell("rehearsal", str(error), "golive doctor") from error
    return Fired(nonce, decided(project, slug, readings, timezone.now()))


def in_force(project: Project) -> dict[RuleKind, RuleSettings]:
    """The settings of the cookbook's rules that are on."""
    rules = {rule.kind: rule for rule in ensure(project) if rule.kind in COOKBOOK}
    found = {}
    for kind in COOKBOOK:
        rules[kind].project = project
        settings = with_defaults(rules[kind])
        if settings.enabled:
            found[kind] = settings
    return found


def planted(slug: str, nonce: str, settings: Settings, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Rows, by table, that break each rule's threshold: requests that are slow and fail, a full pool and disk, ..."""
    common = {"project": slug, "environment": "rehearsal", "release": "", "synthetic": False, "service": nonce}
    requests = [one for one in settings.values() if isinstance(one, ErrorRate | P95)]
    webhook = settings.get(RuleKind.WEBHOOK_FAILURES)
    count = max([20, *(one.minimum_requests for one in requests)])
    count = max([count, *(one.minimum_failures for one in requests if isinstance(one, ErrorRate))])
    if isinstance(webhook, WebhookFailures):
        count = max(count, webhook.warning or 0, webhook.critical or 0)
    slow = [level for one in requests if isinstance(one, P95) for level in (one.warning, one.critical) if level]
    span = {
        **common,
        "time": now,
        "duration_ns": int((max(slow, default=timedelta(seconds=2)) * 2).total_seconds() * 1e9),
        "name": f"rehearsal {nonce}",
        "kind": "server",
        "status": "error",
        "http_method": "POST",
        "http_route": webhook.route if isinstance(webhook, WebhookFailures) and webhook.route else "/rehearsal",
        "http_status": 500,
    }
    spans = [{**span, "trace_id": secrets.token_hex(16), "span_id": secrets.token_hex(8)} for _ in range(count)]
    signups = settings.get(RuleKind.SIGNUPS)
    long_ago = now - (signups.window if isinstance(signups, Signups) else timedelta(hours=24)) - timedelta(hours=1)
    gauge = {**common, "time": now, "type": "gauge", "resource": {"host.name": nonce, "service.name": nonce}}
    return {
        "spans_arriving": spans,
        "metrics": [
            {**gauge, "name": "db.client.connections.usage", "value": 100.0, "attributes": _pool(state="used")},
            {**gauge, "name": "db.client.connections.max", "value": 100.0, "attributes": _pool()},
            {
                **gauge,
                "name": "system.filesystem.utilization",
                "value": 1.0,
                "attributes": {"system.filesystem.mountpoint": "/", "system.filesystem.type": "rehearsal"},
            },
        ],
        "events": [{**common, "time": long_ago, "received_at": long_ago, "name": f"rehearsal {nonce}"}],
    }


def _pool(**more: str) -> dict[str, str]:
    return {"pool.name": "rehearsal", **more}


def read_twice(slug: str, settings: Settings, now: datetime) -> Readings:
    """What each rule reads now, and once more when its breach has held for long enough. Raises StoreError."""
    found: dict[tuple[RuleKind, bool], Sequence[Reading]] = {}
    for kind, one in settings.items():
        found[kind, False] = signals.read(kind, slug, one, now)
        found[kind, True] = signals.read(kind, slug, one, now + timing_of(kind, one).hold + MORE)
    return found


def decided(project: Project, slug: str, readings: Readings, now: datetime) -> dict[str, str]:
    """What rules set like the project's decide on these readings, at two instants."""
    said: dict[str, str] = {}
    kept = Rule.objects.filter(project=project, name__in=COOKBOOK).values("kind", "name", "settings", "override")
    with transaction.atomic():
        stand_in = Project.objects.create(slug=slug, name="Rehearsal")
        for about in kept:
            Rule.objects.create(project=stand_in, **about)
        for again in (False, True):
            at = now + timedelta(minutes=1) * again
            evaluate(stand_in, at, lambda kind, *_: list(readings.get((kind, again), ())))  # noqa: B023
        for flip in Flip.objects.filter(project=stand_in, new=State.FIRING).order_by("id"):
            said[flip.source.removeprefix("rule:")] = f"{flip.severity}: {flip.reason}"
        transaction.set_rollback(True)
    return said


def forget(slug: str) -> None:
    """Take the planted rows out of every table again. Raises StoreError."""
    for row in store.rows(SQL["tables"]):
        store.command(SQL["forget"], table=row["table"], project=slug)
