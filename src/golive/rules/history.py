"""The value of a rule over time, as its page and sparkline show it: the worst of all its instances."""

from datetime import datetime, timedelta
from typing import Any

from golive.rules.evaluate import with_defaults
from golive.rules.models import Rule
from golive.rules.settings import RuleKind, Signups, WebhookFailures
from golive.rules.signals import SQL
from golive.telemetry import store

UNITS = {
    RuleKind.ERROR_RATE: "%",
    RuleKind.P95: "ms",
    RuleKind.POOL: "%",
    RuleKind.DISK: "%",
    RuleKind.WEBHOOK_FAILURES: "failures",
    RuleKind.SIGNUPS: "signups",
}


def history(rule: Rule, since: datetime, until: datetime, step: timedelta) -> tuple[list[float], list[float | None]]:
    """Instants (unix seconds) and values in the rule's unit; None where there is no data. Raises StoreError."""
    seconds = max(10, int(step.total_seconds()))
    begin = int(since.timestamp()) // seconds * seconds
    end = int(until.timestamp())
    known = {int(row["at"]): _value(RuleKind(rule.kind), row) for row in _rows(rule, begin, end, seconds)}
    times = list(range(begin, end, seconds))
    counted = rule.kind in (RuleKind.WEBHOOK_FAILURES, RuleKind.SIGNUPS) and bool(known)
    return [float(at) for at in times], [known.get(at, 0.0 if counted else None) for at in times]


def _rows(rule: Rule, since: int, until: int, step: int) -> list[dict[str, Any]]:
    settings = with_defaults(rule)
    span: dict[str, Any] = {"project": rule.project.slug, "since": since, "until": until, "step": step}
    match RuleKind(rule.kind):
        case RuleKind.ERROR_RATE | RuleKind.P95:
            return store.rows(SQL["requests_history"], **span)
        case RuleKind.POOL:
            return store.rows(SQL["pools_history"], **span)
        case RuleKind.DISK:
            return store.rows(SQL["disks_history"], **span)
        case RuleKind.WEBHOOK_FAILURES if isinstance(settings, WebhookFailures) and settings.route:
            return store.rows(SQL["webhooks_history"], route=settings.route, **span)
        case RuleKind.SIGNUPS if isinstance(settings, Signups):
            return store.rows(SQL["signups_history"], event=settings.event, **span)
    return []


def _value(kind: RuleKind, row: dict[str, Any]) -> float | None:
    match kind:
        case RuleKind.ERROR_RATE:
            return 100 * int(row["all_failures"]) / int(row["all_requests"]) if int(row["all_requests"]) else None
        case RuleKind.P95:
            return float(row["all_p95_ms"])
        case RuleKind.POOL | RuleKind.DISK:
            return 100 * float(row["value"])
        case _:
            return float(row["value"])
