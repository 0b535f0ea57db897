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
from golive.rules.configure import ensure
from golive.rules.evaluate import link
from golive.rules.models import Rule, RuleState
from golive.rules.settings import RuleKind, RuleSettings

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


def said(kind: RuleKind, value: float | None) -> str:
    """A value in the rule's unit."""
    if value is None:
        return words.DASH
    if kind in SHARES:
        return words.percent(value)
    return words.milliseconds(value) if kind == RuleKind.P95 else words.compact(value)


def thresholds(kind: RuleKind, settings: RuleSettings) -> str:
    """What breaks the rule, in a clause."""
    window = format_duration(getattr(settings, "window", timedelta()))
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


def instance(rule: Rule, row: RuleState, now: datetime) -> Instance:
    """An instance as it may be shown: unknown when nobody evaluates it any more."""
    kind = RuleKind(rule.kind)
    state, reason = State(row.state), row.reason
    if now - row.evaluated_at > STALE:
        silence = format_duration(now - row.evaluated_at)
        state, reason = State.UNKNOWN, f"not evaluated for {silence}; is the pager running?"
    word = (row.severity or Severity.WARNING) if state == State.FIRING else state.value
    return Instance(row, state, str(word), reason, said(kind, row.value), said(kind, row.threshold), link(rule, row))


def standing(rule: Rule, now: datetime) -> Standing:
    """How one rule stands: the worst of its instances; unknown when there is none."""
    kind, settings = RuleKind(rule.kind), rule.in_force()
    rows = list(rule.states.all())
    order = [Severity.CRITICAL.value, Severity.WARNING.value, Severity.INFO.value, "unknown", "ok"]
    found = sorted((instance(rule, row, now) for row in rows), key=lambda one: (order.index(one.word), one.row.key))
    fired = max((row.fired_at for row in rows if row.fired_at), default=None)
    common: dict[str, Any] = {"thresholds": thresholds(kind, settings), "instances": found, "fired_at": fired}
    if not settings.enabled:
        return Standing(rule, settings, NAMES[kind], State.UNKNOWN, "paused", "switched off in golive.toml", **common)
    if not found:
        return Standing(rule, settings, NAMES[kind], State.UNKNOWN, "unknown", "no data yet", **common)
    # what is unknown beside something known hides nothing worse, but it is not the rule's answer either
    known = [one for one in found if one.state != State.UNKNOWN]
    told = (known or found)[0]
    return Standing(rule, settings, NAMES[kind], told.state, told.word, told.reason, **common)


def standings(project: Project, now: datetime) -> list[Standing]:
    """All six, in the cookbook's order."""
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
