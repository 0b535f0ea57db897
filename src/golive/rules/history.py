"""The value of a rule over time, as its page and sparkline show it: the worst of all its instances."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from golive.rules import burn
from golive.rules.evaluate import with_defaults
from golive.rules.expression import parse
from golive.rules.models import Rule
from golive.rules.series import StoreSource, Ticks
from golive.rules.settings import COOKBOOK, Burn, Query, RuleKind, RuleSettings, Signups, WebhookFailures
from golive.rules.signals import SQL
from golive.telemetry import store

Read = Callable[[str, tuple[tuple[str, str], ...]], list[dict[str, Any]]]
SHOWN = timedelta(seconds=5)  # a chart is not worth a longer wait
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


def unit(rule: Rule) -> str:
    """What a rule's value over time is counted in."""
    if rule.kind in (RuleKind.CHANGE, RuleKind.ANOMALY):
        settings = rule.in_force()
        told = parse(settings.query).unit if isinstance(settings, Query) else ""
        return "%" if told == "share" else told
    return "% bad" if rule.kind == RuleKind.BURN else unit_of(RuleKind(rule.kind), rule.in_force())


def unit_of(kind: RuleKind, settings: RuleSettings) -> str:
    """What the value that a rule judges is counted in."""
    if kind == RuleKind.CHANGE:
        return "%"
    if kind in (RuleKind.ANOMALY, RuleKind.BURN):
        return ""
    if isinstance(settings, Query):
        told = parse(settings.query).unit
        return "%" if told == "share" else told
    return UNITS.get(kind, "")


def _values(rule: Rule, read: Read, times: Sequence[float]) -> list[float | None]:
    if rule.kind not in COOKBOOK:
        return _declared(rule, times)
    kind, question = RuleKind(rule.kind), _question(rule)
    rows = read(question[0], tuple(question[1].items())) if question else []
    known = {float(row["at"]): _value(kind, row) for row in rows}
    counted = kind in (RuleKind.WEBHOOK_FAILURES, RuleKind.SIGNUPS) and bool(known)
    return [known.get(at, 0.0 if counted else None) for at in times]


def _declared(rule: Rule, times: Sequence[float]) -> list[float | None]:
    """The highest of the query's series at the end of each step; for a budget, the share of bad requests."""
    settings = rule.in_force()
    if len(times) < 2:
        return [None for _ in times]
    step = times[1] - times[0]
    if isinstance(settings, Burn):
        since, until = (datetime.fromtimestamp(at, UTC) for at in (times[0], times[-1] + step))
        tallies = burn.count(rule.project.slug, settings, since, until, int(step))
        shares = {each.at: 100 * each.bad / each.total for each in tallies if each.total}
        return [shares.get(at) for at in times]
    if not isinstance(settings, Query):
        return [None for _ in times]
    expression = parse(settings.query)
    factor = 100.0 if expression.unit == "share" else 1.0
    window = min(settings.window, timedelta(seconds=step * 60))
    found = StoreSource(rule.project.slug, SHOWN).values(expression, window, Ticks(times[0] + step, step, len(times)))
    columns = zip(*found.values(), strict=True) if found else [() for _ in times]
    worst = (max((value for value in column if value is not None), default=None) for column in columns)
    return [None if value is None else value * factor for value in worst]


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
