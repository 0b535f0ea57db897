"""Checks in the database of record: definitions for the prober, transitions with their flips, signs of life."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import close_old_connections, transaction
from django.db.models import Count, Max, Q

from golive.alerts import flips, liveness
from golive.alerts.models import Severity, State
from golive.checks import definition
from golive.checks.judging import Regions
from golive.checks.kinds import KINDS
from golive.checks.maintenance import windows_of
from golive.checks.models import Arrival, Check, CheckState, Probe
from golive.checks.network import ask_regions, known_regions, phased, regions_of, tell_faults, tell_lag
from golive.checks.probe import REGION, Result, Target
from golive.checks.prober import BEAT_SECONDS
from golive.checks.verdict import Attempt, Because, Outcome, Position, Scope, Verdict
from golive.checks.windows import Window
from golive.kit.durations import format_duration
from golive.people.models import Project, Secret
from golive.people.secrets import SecretError, resolve
from golive.telemetry import facts

TROUBLES = {
    Because.MISSING: "did not run",
    Because.OVERRUN: "runs for too long",
    Because.REPORTED: "failed",
}
MOST_ARRIVALS = 200
PROBED = [kind.name for kind in KINDS.values() if kind.ask is not None]


def target_of(check: Check) -> Target:
    """A check as the prober sees it, with what its references refer to."""
    wanted = definition.of(check)
    secrets, trouble = {}, ""
    try:
        secrets = {name: resolve(reference) for name, reference in wanted.references().items()}
    except SecretError as error:
        trouble = str(error)
    return Target(
        number=check.pk,
        project=check.project.slug,
        name=check.name,
        url=check.full_url,
        every=check.every,
        timeout=check.timeout,
        latency=check.latency,
        environment=check.environment,
        wanted=wanted,
        secrets=secrets,
        trouble=trouble,
        regions=tuple(wanted.seen_from),
        below=tuple(wanted.depends_on),
    )


def errand_target(check: Check) -> Target:
    """A journey check as a target: what its references refer to stays here."""
    wanted = definition.of(check)
    return Target(
        number=check.pk,
        project=check.project.slug,
        name=check.name,
        url=check.url or check.project.url,
        every=check.every,
        timeout=check.timeout,
        environment=check.environment,
        wanted=wanted,
        regions=tuple(wanted.seen_from),
        below=tuple(wanted.depends_on),
    )


class DatabaseKeeper:
    """The prober's keeper over Django's models and the telemetry store."""

    def __init__(self) -> None:
        self.version: Any = None
        self.lags_ms: deque[float] = deque(maxlen=4)

    def targets(self) -> dict[int, tuple[Target, Position]] | None:
        """All checks to be probed; None when no check, address, secret or region changed since the last call."""
        close_old_connections()
        version = (
            Check.objects.aggregate(n=Count("pk"), at=Max("updated_at"), top=Max("pk")),
            list(Project.objects.filter(checks__isnull=False).distinct().values_list("pk", "slug", "url")),
            Secret.objects.aggregate(n=Count("pk"), top=Max("pk")),
            known := known_regions(),
        )
        if version == self.version:
            return None
        rows = Check.objects.filter(kind__in=PROBED).select_related("project", "state_row")
        found = {check.pk: (phased(target_of(check), REGION, known), position_of(check)) for check in rows}
        self.version = version
        return found

    def flip(self, target: Target, old: Position, verdict: Verdict, at: datetime) -> Position:
        """Change the position by compare-and-swap and write the flip beside it; of two pagers one writes it."""
        close_old_connections()
        return change(target.number, old, verdict, at)

    def explain(self, target: Target, text: str) -> None:
        """Why a check is still unknown, for the page; not a transition."""
        close_old_connections()
        CheckState.objects.filter(check_row_id=target.number, state=State.UNKNOWN).update(reason=text[:500])

    def record(self, results: Sequence[Result]) -> None:
        """Results go to the store; they are durable when this returns."""
        facts.record("check_results", [result.row() for result in results])

    def asked(self) -> Sequence[int]:
        """Nobody asks the built-in prober but its own judge."""
        return ()

    def arrivals(self) -> list[tuple[int, Attempt]]:
        """What remote probes sent since the last call. What is lost here by a kill, the next look sees again."""
        close_old_connections()
        rows = list(Arrival.objects.order_by("pk")[:MOST_ARRIVALS])
        Arrival.objects.filter(pk__in=[row.pk for row in rows]).delete()
        return [
            (number, Attempt(datetime.fromtimestamp(at, UTC), Outcome(outcome), reason, row.region))
            for row in rows
            for number, at, outcome, reason in row.attempts
        ]

    def regions(self, now: datetime) -> Regions:
        """The built-in one, and those of the probes that were ever heard of."""
        close_old_connections()
        return regions_of(list(Probe.objects.filter(seen_at__isnull=False, token__revoked_at=None)), now)

    def windows(self) -> dict[str, list[Window]]:
        """Maintenance windows by project."""
        close_old_connections()
        return windows_of()

    def ask_elsewhere(self, numbers: Sequence[int], at: datetime) -> None:
        """Remote probes find the request at their next exchange, within seconds."""
        close_old_connections()
        ask_regions(numbers, at)

    def faults(self, found: dict[str, str], at: datetime) -> None:
        """Say of each probe whether it has trouble of its own; a change is a flip."""
        close_old_connections()
        tell_faults(found, at)

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None:
        """Say which checks were probed since the last beat: one write for all."""
        close_old_connections()
        for first in range(0, len(numbers), 5_000):
            some = Q(check_row_id__in=numbers[first : first + 5_000])
            CheckState.objects.filter(some).update(checked_at=at)
        liveness.beat("checks", at, timedelta(seconds=BEAT_SECONDS), **details)
        if details.get("lag_p99_ms") is not None:
            self.lags_ms.append(details["lag_p99_ms"])
            tell_lag(self.lags_ms, at)


def change_state(number: int, old: State, verdict: Verdict, at: datetime) -> State:
    """`change` for a check that is seen from one place."""
    return change(number, Position.of(old), verdict, at).state


def change(number: int, old: Position, verdict: Verdict, at: datetime) -> Position:
    """Save a check's transition and its flip in one transaction; the position that is in force afterwards."""
    new = verdict.position
    with transaction.atomic():
        check = Check.objects.select_related("project").filter(pk=number).first()
        if check is None:
            return new
        began = verdict.began_at or at
        before = CheckState.objects.filter(check_row=check).values_list("since", flat=True).first()
        same = {"since": before} if old.state == new.state and before else {"since": began}
        changed = CheckState.objects.filter(
            check_row=check, state=old.state, scope=old.scope, severity=old.severity
        ).update(
            state=new.state, scope=new.scope, severity=new.severity, reason=verdict.text[:500], checked_at=at, **same
        )
        if not changed:
            row = CheckState.objects.get(check_row=check)
            return Position(State(row.state), Scope(row.scope), Severity(row.severity))
        if not (old.state == State.UNKNOWN and new.state == State.OK and _is_first(check)):
            record_flip(check, old, verdict, at, before)
    return new


def position_of(check: Check) -> Position:
    """The position that was last saved."""
    row = getattr(check, "state_row", None)
    return Position(State(row.state), Scope(row.scope), Severity(row.severity)) if row else Position(State.UNKNOWN)


def _is_first(check: Check) -> bool:
    """Whether no transition of this check was ever written: then becoming OK is a beginning, not a recovery."""
    return not check.project.flips.filter(source=f"check:{check.name}").exists()


def record_flip(check: Check, old: Position, verdict: Verdict, at: datetime, before: datetime | None) -> None:
    """The flip of a check's transition, in the words of the one who is paged."""
    lasted = f" after {format_duration(at - before)}" if before and old.state == State.FIRING else ""
    down = TROUBLES.get(verdict.because, "is down")
    where = " in some regions" if verdict.scope is Scope.REGIONAL else ""
    title = {
        State.FIRING: f"{check.name} {down}{where}",
        State.OK: f"{check.name} {'runs' if check.kind == 'heartbeat' else 'is up'} again{lasted}",
        State.UNKNOWN: f"{check.name} cannot be checked",
    }[verdict.state]
    severity = verdict.severity if verdict.state != State.UNKNOWN else Severity.WARNING
    flips.record(
        check.project,
        f"check:{check.name}",
        title=title,
        old=old.state,
        new=verdict.state,
        severity=severity,
        reason=verdict.text,
        at=at,
        began_at=verdict.began_at,
        environment=check.environment,
        link=f"/p/{check.project.slug}/checks/{check.name}/",
        evidence={"url": check.full_url, "because": verdict.because.value, "scope": verdict.position.scope.value},
    )
