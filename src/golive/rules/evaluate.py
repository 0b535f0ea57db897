"""One pass over the rules: load → decide → save → flip."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from golive.alerts import flips, liveness
from golive.alerts.models import Flip, Severity, State
from golive.business import models as business
from golive.people.models import Project
from golive.rules import signals
from golive.rules.condition import Decision, Memory, Reading, Timing, decide
from golive.rules.configure import ensure
from golive.rules.models import Rule, RuleState
from golive.rules.settings import COOKBOOK, Burn, Declared, ErrorGroups, RuleKind, RuleSettings, Signups
from golive.telemetry.store import StoreError

log = logging.getLogger("golive.rules")
EVERY = timedelta(seconds=10)
STORE_GRACE = timedelta(seconds=60)
POOL_HOLD = timedelta(seconds=28)  # a pool may be full for a moment
NO_DATA_NOW = " (no data now)"
FORGET = timedelta(days=7)  # an instance (a service renamed, a disk gone) unknown for so long is forgotten
Read = Callable[[RuleKind, str, RuleSettings, datetime], list[Reading]]


def timing_of(kind: RuleKind, settings: RuleSettings) -> Timing:
    """How long breach, recovery and silence must last; never longer than the rule's own window asks for."""
    if isinstance(settings, Declared):
        return _declared(settings)
    window: timedelta = getattr(settings, "window", timedelta(minutes=5))
    silence = max(window, timedelta(minutes=1))
    match kind:
        case RuleKind.ERROR_RATE | RuleKind.P95:
            return Timing(clear=min(Timing.clear, window), silence=silence)
        case RuleKind.POOL:
            return Timing(min(POOL_HOLD, window / 4), min(Timing.clear, window), silence)
        case RuleKind.DISK:
            return Timing(clear=timedelta(0), silence=silence)
        case RuleKind.WEBHOOK_FAILURES:
            return Timing(hold=timedelta(0), clear=timedelta(0), silence=silence)
        case RuleKind.SIGNUPS:
            return Timing(hold=timedelta(0), clear=timedelta(0), silence=timedelta(0))
    raise ValueError(f"{kind} is no rule of the cookbook")


def _declared(settings: Declared) -> Timing:
    """As declared; a breach is always seen twice, save where it is an event in itself."""
    window: timedelta = getattr(settings, "window", timedelta(minutes=5))
    if isinstance(settings, ErrorGroups):
        return Timing(hold=settings.hold, clear=timedelta(0), silence=timedelta(0))
    hold = max(settings.hold - timedelta(seconds=2), Timing.hold)  # evaluations come a little early or late
    clear = settings.recover - timedelta(seconds=5) if settings.recover else timedelta(0)
    return Timing(hold, clear, timedelta(minutes=10) if isinstance(settings, Burn) else max(window, Timing.silence / 5))


def with_defaults(rule: Rule) -> RuleSettings:
    """A rule's settings in force, with what other sections of golive.toml say where it says nothing itself."""
    settings = rule.in_force()
    if isinstance(settings, Signups) and not settings.event:
        return settings.model_copy(update={"event": business.settings_of(rule.project).signup})
    if isinstance(settings, Declared) and not settings.title:
        return settings.model_copy(update={"title": rule.name})
    return settings


def evaluate_all(now: datetime | None = None, read: Read = signals.read) -> None:
    """Evaluate every project's rules and say how it went."""
    began = time.monotonic()
    at = now or timezone.now()
    trouble = ""
    count = 0
    for project in Project.objects.all():
        try:
            told, states = evaluate(project, at, read)
        except Exception as error:  # one project's trouble must not silence the others
            log.exception("the rules of %s could not be evaluated", project.slug)
            told, states = f"the rules of {project.slug}: {error}", 0
        trouble = trouble or told
        count += states
    took_ms = round((time.monotonic() - began) * 1000)
    liveness.beat("rules", at, EVERY, states=count, took_ms=took_ms, trouble=trouble)


def evaluate(project: Project, now: datetime, read: Read = signals.read) -> tuple[str, int]:
    """Evaluate one project's rules; what was wrong with the store, if anything, and the number of states.

    The store is asked first and everything is saved in one short transaction afterwards.
    """
    seen = [_look(rule, project, now, read) for rule in ensure(project)]
    with transaction.atomic():
        for look in seen:
            states = {state.key: state for state in look.rule.states.all()}
            if look.off:
                switch_off(look.rule, list(states.values()), now)
                continue
            for key in states.keys() | look.readings.keys():
                if look.rule.kind == RuleKind.ERRORS and key not in look.readings and not look.trouble:
                    states[key].delete()  # an error of days ago is no state, and its end was told
                    continue
                row = states.get(key) or _new(look.rule, look.readings[key], now)
                reading = look.readings.get(key) or Reading(key, row.subject, look.silence, known=False)
                take(look.rule, row, reading, look.timing, now)
            look.rule.states.filter(state=State.UNKNOWN, silent_since__lt=now - FORGET).delete()
    count = RuleState.objects.filter(rule__project=project).count()
    return next((look.trouble for look in seen if look.trouble), ""), count


@dataclass(frozen=True)
class Look:
    """What the store says about one rule; `silence` is why an instance has no reading."""

    rule: Rule
    timing: Timing
    readings: Mapping[str, Reading] = field(default_factory=dict)
    silence: str = "no data arrives any more"
    off: bool = False
    trouble: str = ""


def _look(rule: Rule, project: Project, now: datetime, read: Read) -> Look:
    rule.project = project
    settings = with_defaults(rule)
    timing = timing_of(RuleKind(rule.kind), settings)
    if not settings.enabled:
        return Look(rule, timing, off=True)
    try:
        found = read(RuleKind(rule.kind), project.slug, settings, now)
    except StoreError as error:
        log.warning("rule %s of %s: %s", rule.name, project.slug, error)
        timing = replace(timing, silence=STORE_GRACE)
        return Look(rule, timing, silence="golive cannot read its telemetry store", trouble=str(error))
    return Look(rule, timing, {one.key: one for one in found})


def take(rule: Rule, row: RuleState, reading: Reading, timing: Timing, now: datetime) -> None:
    """Decide on one reading and save what follows; a transition and its flip are one transaction."""
    memory = Memory(
        State(row.state),
        Severity(row.severity),
        row.warning_since,
        row.critical_since,
        row.clear_since,
        row.silent_since,
    )
    decision = decide(memory, reading, timing, now)
    first = row.pk is None
    _write(row, reading, decision, now)
    if first:
        row.save()
    if not decision.flipped:
        if not first:
            row.save()
        return
    with transaction.atomic():
        same = RuleState.objects.filter(pk=row.pk)
        if not first and not same.filter(state=memory.state, severity=memory.severity).update(state=row.state):
            return  # another pager was first
        row.save()
        if memory.state == State.FIRING or decision.memory.state != State.OK or _has_flipped(rule, row):
            record_flip(rule, row, memory, reading, decision, now)


def _has_flipped(rule: Rule, row: RuleState) -> bool:
    """Whether a transition was ever written: the first OK is a beginning, not a recovery."""
    return Flip.objects.filter(project=rule.project, source=rule.source, key=row.key).exists()


def _new(rule: Rule, reading: Reading, now: datetime) -> RuleState:
    return RuleState(rule=rule, key=reading.key, subject=reading.subject[:200], since=now, evaluated_at=now)


def _write(row: RuleState, reading: Reading, decision: Decision, now: datetime) -> None:
    memory = decision.memory
    if decision.flipped:
        row.since = decision.began_at or now
        row.fired_at = now if memory.state == State.FIRING else row.fired_at
    row.state, row.severity = memory.state, memory.severity
    row.warning_since, row.critical_since = memory.warning_since, memory.critical_since
    row.clear_since, row.silent_since = memory.clear_since, memory.silent_since
    row.evaluated_at = now
    if not reading.known and memory.state != State.UNKNOWN:
        if not row.reason.endswith(NO_DATA_NOW):  # what was last known stays visible until it is given up
            row.reason = row.reason[: 500 - len(NO_DATA_NOW)] + NO_DATA_NOW
        return
    row.reason, row.value, row.threshold = reading.text[:500], reading.value, reading.threshold
    if reading.known:
        row.subject, row.service = reading.subject[:200], reading.service[:120]
        row.environment = reading.environment[:64]
        row.evidence = dict(reading.evidence)


def record_flip(
    rule: Rule, row: RuleState, memory: Memory, reading: Reading, decision: Decision, now: datetime
) -> None:
    """The flip of a transition. Firing and recovery carry the rule's severity; coming to know nothing only informs."""
    new = decision.memory.state
    severity = decision.memory.severity if new == State.FIRING else memory.severity
    if new == State.UNKNOWN or (memory.state == State.UNKNOWN and new == State.OK):
        severity = Severity.INFO
    words = rule.kind.replace("_", " ") if rule.kind in COOKBOOK else rule.name
    title = {
        State.FIRING: reading.title,
        State.OK: f"{words} of {row.subject} is back to normal",
        State.UNKNOWN: f"{words} of {row.subject} is unknown",
    }[new]
    flips.record(
        rule.project,
        rule.source,
        key=row.key,
        title=title,
        old=memory.state,
        new=new,
        severity=severity,
        reason=decision.reason,
        at=now,
        began_at=decision.began_at,
        service=row.service,
        environment=row.environment,
        link=link(rule, row),
        evidence={**row.evidence, "value": reading.value, "threshold": reading.threshold},
    )


def link(rule: Rule, row: RuleState) -> str:
    """The page that shows what a rule judged."""
    base = f"/p/{rule.project.slug}"
    if row.service and rule.kind in (RuleKind.ERROR_RATE, RuleKind.P95, RuleKind.WEBHOOK_FAILURES):
        return f"{base}/services/{row.service}/"
    return f"{base}/rules/{rule.name}/"


def switch_off(rule: Rule, states: list[RuleState], now: datetime) -> None:
    """A rule that is off has no state; what fired flips to unknown, so that its incident does not wait for ever."""
    for row in states:
        if row.state == State.FIRING:
            with transaction.atomic():
                memory = Memory(State(row.state), Severity(row.severity))
                reading = Reading(row.key, row.subject, "the rule was switched off", known=False)
                decision = Decision(Memory(State.UNKNOWN), True, reading.text, now)
                record_flip(rule, row, memory, reading, decision, now)
                row.delete()
        else:
            row.delete()
