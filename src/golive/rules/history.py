"""The value of a rule over time, as its page and sparkline show it: the worst of all its instances."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from golive.rules.evaluate import with_defaults
from golive.rules.models import Rule
from golive.rules.settings import RuleKind, Signups, WebhookFailures
from golive.rules.signals import SQL
from golive.telemetry import store

Read = Callable[[str, tuple[tuple[str, str], ...]], list[dict[str, Any]]]
UNITS = {
    RuleKind.ERROR_RATE: "%",
    RuleKind.P95: "ms",
    RuleKind.POOL: "%",
    RuleKind.DISK: "%",
    RuleKind.WEBHOOK_FAILURES: "failures",
    RuleKind.SIGNUPS: "signups",
}


@dataclass(frozen=True)
class History:
    """Instants (unix seconds) and values in the rule's unit; None where there is no data."""

    times: Sequence[float]
    values: Sequence[float | None]


def histories(rules: Iterable[Rule], since: datetime, until: datetime, step: timedelta) -> list[History]:
    """One for each rule, in their order; rules that read the same rows ask for them once. Raises StoreError."""
    seconds = max(10, int(step.total_seconds()))
    begin = int(since.timestamp()) // seconds * seconds
    end = int(until.timestamp())
    times = [float(at) for at in range(begin, end, seconds)]
    read = cache(lambda name, asked: store.rows(SQL[name], since=begin, until=end, step=seconds, **dict(asked)))
    return [History(times, _values(rule, read, times)) for rule in rules]


def _values(rule: Rule, read: Read, times: Sequence[float]) -> list[float | None]:
    kind, question = RuleKind(rule.kind), _question(rule)
    rows = read(question[0], tuple(question[1].items())) if question else []
    known = {float(row["at"]): _value(kind, row) for row in rows}
    counted = kind in (RuleKind.WEBHOOK_FAILURES, RuleKind.SIGNUPS) and bool(known)
    return [known.get(at, 0.0 if counted else None) for at in times]


def _question(rule: Rule) -> tuple[str, dict[str, str]] | None:
    """The query that tells the rule's value, and what it asks beside the window; None when nothing is configured."""
    settings = with_defaults(rule)
    about = {"project": rule.project.slug}
    match RuleKind(rule.kind):
        case RuleKind.ERROR_RATE | RuleKind.P95:
            return "requests_history", about
        case RuleKind.POOL:
            return "pools_history", about
        case RuleKind.DISK:
            return "disks_history", about
        case RuleKind.WEBHOOK_FAILURES if isinstance(settings, WebhookFailures) and settings.route:
            return "webhooks_history", about | {"route": settings.route}
        case RuleKind.SIGNUPS if isinstance(settings, Signups):
            return "signups_history", about | {"event": settings.event}
    return None


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
