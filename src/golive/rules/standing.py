"""How rules stand now, in the words of a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import prefetch_related_objects

from golive.alerts.models import Severity, State
from golive.console import words
from golive.kit.durations import format_duration
from golive.people.models import Project
from golive.rules import judge
from golive.rules.configure import ensure
from golive.rules.evaluate import link
from golive.rules.expression import parse
from golive.rules.models import Rule, RuleState
from golive.rules.settings import (
    Absence,
    Anomaly,
    Burn,
    Change,
    Declared,
    ErrorGroups,
    Query,
    RuleKind,
    RuleSettings,
    Threshold,
)

STALE = timedelta(seconds=60)
NAMES = {
    RuleKind.ERROR_RATE: "Error rate",
    RuleKind.P95: "p95 response time",
    RuleKind.POOL: "Connection pool",
    RuleKind.DISK: "Disk usage",
    RuleKind.WEBHOOK_FAILURES: "Payment webhooks",
    RuleKind.SIGNUPS: "Signups",
}
SHARES = (RuleKind.ERROR_RATE, RuleKind.POOL, RuleKind.DISK)
KINDS = {
    RuleKind.THRESHOLD: "threshold",
    RuleKind.ABSENCE: "absence",
    RuleKind.CHANGE: "change",
    RuleKind.ANOMALY: "anomaly",
    RuleKind.BURN: "error budget",
    RuleKind.ERRORS: "error groups",
}


def name_of(rule: Rule) -> str:
    """A rule's name for people."""
    return NAMES.get(RuleKind(rule.kind)) or rule.name


@dataclass(frozen=True)
class Instance:
    """One thing that a rule watches."""

    row: RuleState
    state: State
    word: str
    reason: str
    value: str
    threshold: str
    link: str


@dataclass(frozen=True)
class Standing:
    """A rule and the worst state of what it watches."""

    rule: Rule
    settings: RuleSettings
    name: str
    state: State
    word: str
    reason: str
    instances: Sequence[Instance] = ()
    fired_at: datetime | None = None
    thresholds: str = ""
    values: Sequence[float | None] = field(default_factory=list)

    @property
    def worst(self) -> Instance | None:
        return self.instances[0] if self.instances else None


def said(kind: RuleKind, value: float | None, settings: RuleSettings | None = None) -> str:
    """A value in the rule's unit."""
    if value is None:
        return words.DASH
    if kind == RuleKind.CHANGE:
        return f"{value * 100:+.0f}{words.THIN}%"
    if kind in (RuleKind.ANOMALY, RuleKind.BURN):
        return f"{value:.1f}"
    if isinstance(settings, Threshold):
        return judge.said(value, parse(settings.query).unit)
    if kind in SHARES:
        return words.percent(value)
    return words.milliseconds(value) if kind == RuleKind.P95 else words.compact(value)


def thresholds(kind: RuleKind, settings: RuleSettings) -> str:
    """What breaks the rule, in a clause."""
    window = format_duration(getattr(settings, "window", timedelta()))
    if isinstance(settings, Declared):
        return declared(settings)
    if kind == RuleKind.SIGNUPS:
        return f"{getattr(settings, 'severity', '')} when none in {window}"
    sign = "from" if kind == RuleKind.WEBHOOK_FAILURES else ">"
    parts = []
    for name in ("warning", "critical"):
        level = getattr(settings, name, None)
        if level is not None:
            number = level.total_seconds() * 1000 if isinstance(level, timedelta) else float(level)
            parts.append(f"{name} {sign} {said(kind, number)}")
    return ", ".join(parts) + (f" in {window}" if kind not in (RuleKind.POOL, RuleKind.DISK) else "")


def declared(settings: Declared) -> str:
    """What breaks a declared rule, in a clause."""
    held = f" for {format_duration(settings.hold)}" if settings.hold else ""
    window = f" in {format_duration(settings.window)}" if isinstance(settings, Query) else ""
    if isinstance(settings, Absence):
        return f"{settings.severity} when nothing{window}{held}"
    if isinstance(settings, Burn):
        return f"when the budget of {settings.objective * 100:.5g} % burns 14.4, 6 or 1 times too fast"
    if isinstance(settings, ErrorGroups):
        what = " or ".join(name for name in ("new", "regressed") if getattr(settings, name))
        return f"{settings.severity} on a {what} error"
    parts = []
    for name in ("warning", "critical"):
        level = getattr(settings, name, None)
        if level is None:
            continue
        if isinstance(settings, Threshold):
            sign = "≤" if settings.direction == "below" else "≥"
            parts.append(f"{name} {sign} {judge.said(level, parse(settings.query).unit)}")
        elif isinstance(settings, Anomaly):
            parts.append(f"{name} from {level:g} spreads off past weeks")
        elif isinstance(settings, Change):
            way = {"drop": "drop", "rise": "rise", "any": "change"}[settings.direction]
            parts.append(
                f"{name} from a {way} of {level * 100:g} % against {format_duration(settings.against)} earlier"
            )
    return ", ".join(parts) + window + held


def instance(rule: Rule, row: RuleState, now: datetime) -> Instance:
    """An instance as it may be shown: unknown when nobody evaluates it any more."""
    kind = RuleKind(rule.kind)
    state, reason = State(row.state), row.reason
    if now - row.evaluated_at > STALE:
        silence = format_duration(now - row.evaluated_at)
        state, reason = State.UNKNOWN, f"not evaluated for {silence}; is the pager running?"
    word = (row.severity or Severity.WARNING) if state == State.FIRING else state.value
    settings = rule.in_force()
    value, threshold = (said(kind, each, settings) for each in (row.value, row.threshold))
    return Instance(row, state, str(word), reason, value, threshold, link(rule, row))


def standing(rule: Rule, now: datetime) -> Standing:
    """How one rule stands: the worst of its instances; unknown when there is none."""
    kind, settings = RuleKind(rule.kind), rule.in_force()
    rows = list(rule.states.all())
    order = [Severity.CRITICAL.value, Severity.WARNING.value, Severity.INFO.value, "unknown", "ok"]
    found = sorted((instance(rule, row, now) for row in rows), key=lambda one: (order.index(one.word), one.row.key))
    fired = max((row.fired_at for row in rows if row.fired_at), default=None)
    common: dict[str, Any] = {"thresholds": thresholds(kind, settings), "instances": found, "fired_at": fired}
    name = name_of(rule)
    if not settings.enabled:
        return Standing(rule, settings, name, State.UNKNOWN, "paused", "switched off in golive.toml", **common)
    if not found:
        if kind == RuleKind.ERRORS:
            return Standing(rule, settings, name, State.OK, "ok", "no new error", **common)
        return Standing(rule, settings, name, State.UNKNOWN, "unknown", "no data yet", **common)
    # what is unknown beside something known hides nothing worse, but it is not the rule's answer either
    known = [one for one in found if one.state != State.UNKNOWN]
    told = (known or found)[0]
    return Standing(rule, settings, name, told.state, told.word, told.reason, **common)


def standings(project: Project, now: datetime) -> list[Standing]:
    """The six in the cookbook's order, then the declared ones."""
    rules = ensure(project)
    prefetch_related_objects(rules, "states")
    return [standing(rule, now) for rule in rules]


def sentence(found: Sequence[Standing]) -> str:
    """The answer to "does anything fire?" in one clause."""
    firing = [one for one in found if one.state == State.FIRING]
    unknown = [one for one in found if one.state == State.UNKNOWN and one.word != "paused"]
    on = [one for one in found if one.word != "paused"]
    tail = f"{len(unknown)} of {len(on)} rules unknown" if unknown else ""
    if firing:
        said = "; ".join(one.reason for one in firing[:2]) + (f" and {len(firing) - 2} more" if len(firing) > 2 else "")
        return said + (f"; {tail}" if tail else "")
    if not on:
        return "all rules are switched off"
    ok = len(on) - len(unknown)
    return tail if not ok else "no rule fires" + (f", {tail}" if tail else "")
