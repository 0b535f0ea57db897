"""Monitoring and alerting: a fault with a nonce reaches the person on call and is acknowledged; every rule fires."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone
from pydantic import BaseModel, ConfigDict

from golive.alerts import flips
from golive.alerts.models import Flip, Severity, State
from golive.checks.models import Check
from golive.config.values import Duration
from golive.incidents.models import Incident
from golive.kit.durations import format_duration
from golive.notify.models import OutboxMessage
from golive.people.models import Project
from golive.readiness import firing
from golive.readiness.asking import until
from golive.readiness.inputs import of_settings, short
from golive.readiness.item import Area, Item, Subject, command_environment
from golive.readiness.planted import judged
from golive.readiness.programs import run
from golive.readiness.verdict import CannotTell, Control, Report
from golive.rules.configure import ensure
from golive.rules.models import Rule, RuleState
from golive.rules.settings import COOKBOOK, WebhookFailures

SOURCE = "readiness:rehearsal"
PATIENCE = timedelta(seconds=100)
PAGED_WITHIN = timedelta(minutes=2)
ACKNOWLEDGED_WITHIN = timedelta(minutes=15)
EVALUATED_WITHIN = timedelta(minutes=2)
SEEN_WITHIN = timedelta(days=1)
BLIND = ("no route is declared", "no business event", "the pool's size is not known")


class MonitoringSettings(BaseModel):
    """Monitoring and alerting."""

    model_config = ConfigDict(extra="forbid")
    acknowledge: list[str] = []
    """A program that stands in for the person: finds the page with $GOLIVE_NONCE where it arrives, acknowledges it."""
    wait: Duration = timedelta()
    """How long a run waits for a person to acknowledge; later runs take what was acknowledged meanwhile."""
    fired: bool = True
    """Fire each rule of the cookbook in a rehearsal: planted telemetry with a nonce, which nobody is told of."""


@dataclass(frozen=True)
class Paged:
    """How the rehearsal went: when the fault was planted, the page accepted, and acknowledged."""

    planted: datetime
    sent: datetime | None
    acknowledged: datetime | None
    who: str = ""
    number: int = 0


@dataclass(frozen=True)
class Ruled:
    """What is known of a rule. `fired` is what it said in the rehearsal; None when there was none."""

    name: str
    enabled: bool
    has_data: bool
    fired: str | None = None


def examine_page(paged: Paged) -> Report:
    """The page within two minutes, the acknowledgement within fifteen."""
    report = Report(expected=2)
    if paged.sent is None:
        report.examined += 1
        report.convict("page", f"a critical fault was planted, but nobody was paged within {format_duration(PATIENCE)}")
        report.examined += 1
        return report
    took = paged.sent - paged.planted
    report.examined += 1
    report.facts["paged after"] = format_duration(took)
    if took > PAGED_WITHIN:
        report.convict("page", f"{paged.who} was paged after {format_duration(took)}; two minutes are expected")
    if paged.acknowledged is None:
        report.doubt(
            "acknowledgement",
            f"{paged.who} has not acknowledged the test page of incident {paged.number} yet",
            f"golive incident ack {paged.number}, then golive check monitoring",
        )
        return report
    report.examined += 1
    took = paged.acknowledged - paged.planted
    report.facts["acknowledged after"] = format_duration(took)
    if took > ACKNOWLEDGED_WITHIN:
        report.convict("acknowledgement", f"acknowledged after {format_duration(took)}; 15 minutes are expected")
    return report


def examine_rules(rules: Sequence[Ruled], evaluated_at: datetime | None, now: datetime) -> Report:
    """Every rule is on, sees data, fires when it should, and is asked all the time."""
    report = Report(expected=len(rules) + 1, examined=len(rules) + 1)
    for rule in rules:
        if not rule.enabled:
            report.convict(f"rule {rule.name}", f"the rule {rule.name} is switched off")
        elif not rule.has_data:
            report.convict(f"rule {rule.name} data", f"the rule {rule.name} has no data: it can never fire")
        elif rule.fired == "":
            text = f"the rule {rule.name} was given what it is there for, and did not fire"
            report.convict(f"rule {rule.name} fired", text)
    if evaluated_at is None or now - evaluated_at > EVALUATED_WITHIN:
        when = "never" if evaluated_at is None else f"{format_duration(now - evaluated_at)} ago"
        report.convict("rules", f"the rules were last evaluated {when}: the pager does not run")
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("monitoring", MonitoringSettings)
    project = Project.objects.get(pk=subject.number)
    fired = firing.rehearse(project) if wanted.fired else None
    now = timezone.now()
    rules, newest = _rules(project, fired, now)
    report = examine_rules(rules, newest, now)
    if fired is not None:
        report.facts["rules fired in rehearsal"] = {"nonce": fired.nonce, **fired.said}
    checks = Check.objects.filter(project=project).count()
    report.expected, report.examined = report.expected + 1, report.examined + 1
    if not checks:
        report.convict("checks", "nothing is checked from outside")
    try:
        report.absorb(examine_page(_earlier(project, subject.now) or _rehearse(subject, project, wanted)))
    except CannotTell as error:
        report.expected += 1
        report.doubts.append(error.doubt)
    return report


def sees(state: str, reason: str, since: datetime, now: datetime) -> bool:
    """Whether a rule's instance has data: it decided lately, or what arrives is too little to decide on."""
    if state != State.UNKNOWN:
        return True
    return not reason.startswith(BLIND) and now - since < SEEN_WITHIN


def _rules(project: Project, fired: firing.Fired | None, now: datetime) -> tuple[list[Ruled], datetime | None]:
    """The cookbook's rules, and when a rule was evaluated last."""
    found, newest = [], None
    for rule in (rule for rule in ensure(project) if rule.kind in COOKBOOK):
        states = RuleState.objects.filter(rule=rule)
        has_data = any(sees(state.state, state.reason, state.since, now) for state in states)
        settings = rule.in_force()
        if isinstance(settings, WebhookFailures) and not settings.route:
            has_data = False  # what it saw under an earlier route says nothing
        said = fired.said.get(rule.name, "") if fired else None
        found.append(Ruled(rule.name, settings.enabled, has_data, said))
        last = states.aggregate(at=Max("evaluated_at"))["at"]
        newest = max(filter(None, (newest, last)), default=None)
    return found, newest


def _earlier(project: Project, now: datetime) -> Paged | None:
    """A rehearsal of the last day that somebody has acknowledged meanwhile, or still may."""
    flip = Flip.objects.filter(project=project, source=SOURCE, new=State.FIRING).order_by("-id").first()
    if flip is None or flip.at < now - timedelta(days=1):
        return None
    paged = _paged(project, flip.key, flip.at)
    if paged is None or paged.sent is None:
        return None
    if paged.acknowledged or now - flip.at < ACKNOWLEDGED_WITHIN:
        return paged
    return None


def _rehearse(subject: Subject, project: Project, wanted: MonitoringSettings) -> Paged:
    """Plant a critical fault and follow it to the person; it ends again whatever happens."""
    nonce, at = f"golive{secrets.token_hex(6)}", timezone.now()
    _flip(project, nonce, State.OK, State.FIRING, at)
    try:
        until(lambda: (seen := _paged(project, nonce, at)) is not None and seen.sent is not None, PATIENCE, 0.5)
        seen = _paged(project, nonce, at) or Paged(at, None, None)
        if seen.sent and wanted.acknowledge:
            environment = command_environment(subject, GOLIVE_NONCE=nonce, GOLIVE_INCIDENT=str(seen.number))
            run(wanted.acknowledge, subject.folder(), environment)
        elif seen.sent and wanted.wait:
            end = time.monotonic() + wanted.wait.total_seconds()
            while time.monotonic() < end and not (_paged(project, nonce, at) or seen).acknowledged:
                time.sleep(1)
        return _paged(project, nonce, at) or seen
    finally:
        _flip(project, nonce, State.FIRING, State.OK, timezone.now())


def _flip(project: Project, nonce: str, old: State, new: State, at: datetime) -> None:
    flips.record(
        project,
        SOURCE,
        key=nonce,
        title=f"Rehearsal {nonce}: a test, please acknowledge",
        old=old,
        new=new,
        severity=Severity.CRITICAL,
        reason="golive check planted a fault to see that it reaches you; nothing is broken",
        at=at,
        environment="rehearsal",
        link=f"/p/{project.slug}/readiness/monitoring/",
    )


def _paged(project: Project, nonce: str, planted: datetime) -> Paged | None:
    incident = Incident.objects.filter(project=project, title__contains=nonce).order_by("-id").first()
    if incident is None:
        return None
    message = (
        OutboxMessage.objects.filter(about=incident.about, sent_at__isnull=False)
        .exclude(person="")
        .order_by("sent_at")
        .first()
    )
    sent, who = (message.sent_at, message.person) if message else (None, "")
    return Paged(planted, sent, incident.acknowledged_at, who, incident.number)


def controls() -> list[Control]:
    at = datetime(2026, 1, 1, 12).astimezone()
    soon, late = at + timedelta(seconds=40), at + timedelta(minutes=4)
    good = [Ruled(kind.value, True, True, "critical: it fired") for kind in COOKBOOK]

    def rules(changed: Ruled, evaluated: datetime = at) -> Report:
        return examine_rules([changed, *good[1:]], evaluated, at)

    return [
        judged("a page that never comes", True, lambda: examine_page(Paged(at, None, None))),
        judged("a page that comes late", True, lambda: examine_page(Paged(at, late, late, "ada"))),
        judged("a rule without data", True, lambda: rules(Ruled("p95", True, False, "critical: it fired"))),
        judged("a rule that is off", True, lambda: rules(Ruled("p95", False, True, "critical: it fired"))),
        judged("a rule that does not fire", True, lambda: rules(Ruled("p95", True, True, ""))),
        judged("a pager that is gone", True, lambda: rules(good[0], at - timedelta(minutes=5))),
        judged("paged and acknowledged", False, lambda: examine_page(Paged(at, soon, late, "ada"))),
        judged("rules that have fired", False, lambda: rules(good[0])),
    ]


def _print_of_alerting(subject: Subject) -> str:
    rules = Rule.objects.filter(project_id=subject.number).values_list("kind", "settings", "override")
    checks = Check.objects.filter(project_id=subject.number).values_list("name", "url")
    return short(repr([sorted(map(repr, rules)), sorted(map(repr, checks))]))


ITEM = Item(
    key="monitoring",
    order=15,
    area=Area.LAUNCH,
    title="Monitoring and alerting verified",
    question="Does trouble wake the right person, and does somebody answer?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {
        "alerting": _print_of_alerting(subject),
        "configuration": of_settings(subject, "monitoring"),
    },
    settings=MonitoringSettings,
    every=timedelta(days=7),
    lasts=timedelta(days=14),
)
