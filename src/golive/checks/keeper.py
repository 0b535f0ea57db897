"""Checks in the database of record: definitions for the prober, transitions with their flips, signs of life."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import close_old_connections, transaction
from django.db.models import Count, Max, Q

from golive.alerts import flips, liveness
from golive.alerts.models import Severity, State
from golive.checks import definition
from golive.checks.kinds import KINDS
from golive.checks.models import Check, CheckState
from golive.checks.probe import Target
from golive.checks.prober import BEAT_SECONDS
from golive.checks.verdict import Because, Verdict
from golive.kit.durations import format_duration
from golive.people.models import Project, Secret
from golive.people.secrets import SecretError, resolve
from golive.telemetry import facts

TROUBLES = {
    Because.MISSING: "did not run",
    Because.OVERRUN: "runs for too long",
    Because.REPORTED: "failed",
}
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
    )


class DatabaseKeeper:
    """The prober's keeper over Django's models and the telemetry store."""

    def __init__(self) -> None:
        self.version: Any = None

    def targets(self) -> dict[int, tuple[Target, State]] | None:
        """All checks to be probed; None when no check, project's address or secret changed since the last call."""
        close_old_connections()
        version = (
            Check.objects.aggregate(n=Count("pk"), at=Max("updated_at"), top=Max("pk")),
            list(Project.objects.filter(checks__isnull=False).distinct().values_list("pk", "slug", "url")),
            Secret.objects.aggregate(n=Count("pk"), top=Max("pk")),
        )
        if version == self.version:
            return None
        rows = Check.objects.filter(kind__in=PROBED).select_related("project", "state_row")
        found = {check.pk: (target_of(check), _state(check)) for check in rows}
        self.version = version
        return found

    def flip(self, target: Target, old: State, verdict: Verdict, at: datetime) -> State:
        """Change the state by compare-and-swap and write the flip beside it; of two pagers one writes it."""
        close_old_connections()
        return change_state(target.number, old, verdict, at)

    def explain(self, target: Target, text: str) -> None:
        """Why a check is still unknown, for the page; not a transition."""
        close_old_connections()
        CheckState.objects.filter(check_row_id=target.number, state=State.UNKNOWN).update(reason=text[:500])

    def record(self, rows: Sequence[dict[str, Any]]) -> None:
        """Results go to the store; they are durable when this returns."""
        facts.record("check_results", rows)

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None:
        """Say which checks were probed since the last beat: one write for all."""
        close_old_connections()
        for first in range(0, len(numbers), 5_000):
            some = Q(check_row_id__in=numbers[first : first + 5_000])
            CheckState.objects.filter(some).update(checked_at=at)
        liveness.beat("checks", at, timedelta(seconds=BEAT_SECONDS), **details)


def change_state(number: int, old: State, verdict: Verdict, at: datetime) -> State:
    """Save a check's transition and its flip in one transaction; the state that is in force afterwards."""
    with transaction.atomic():
        check = Check.objects.select_related("project").filter(pk=number).first()
        if check is None:
            return verdict.state
        began = verdict.began_at or at
        before = CheckState.objects.filter(check_row=check).values_list("since", flat=True).first()
        changed = CheckState.objects.filter(check_row=check, state=old).update(
            state=verdict.state, reason=verdict.text[:500], since=began, checked_at=at
        )
        if not changed:
            return State(CheckState.objects.values_list("state", flat=True).get(check_row=check))
        if not (old == State.UNKNOWN and verdict.state == State.OK and _is_first(check)):
            record_flip(check, old, verdict, at, before)
    return verdict.state


def _state(check: Check) -> State:
    return State(check.state_row.state) if hasattr(check, "state_row") else State.UNKNOWN


def _is_first(check: Check) -> bool:
    """Whether no transition of this check was ever written: then becoming OK is a beginning, not a recovery."""
    return not check.project.flips.filter(source=f"check:{check.name}").exists()


def record_flip(check: Check, old: State, verdict: Verdict, at: datetime, before: datetime | None) -> None:
    """The flip of a check's transition, in the words of the one who is paged."""
    lasted = f" after {format_duration(at - before)}" if before and old == State.FIRING else ""
    title = {
        State.FIRING: f"{check.name} {TROUBLES.get(verdict.because, 'is down')}",
        State.OK: f"{check.name} {'runs' if check.kind == 'heartbeat' else 'is up'} again{lasted}",
        State.UNKNOWN: f"{check.name} cannot be checked",
    }[verdict.state]
    flips.record(
        check.project,
        f"check:{check.name}",
        title=title,
        old=old,
        new=verdict.state,
        severity=Severity.WARNING if verdict.state == State.UNKNOWN else Severity.CRITICAL,
        reason=verdict.text,
        at=at,
        began_at=verdict.began_at,
        environment=check.environment,
        link=f"/p/{check.project.slug}/checks/{check.name}/",
        evidence={"url": check.full_url, "because": verdict.because.value},
    )
