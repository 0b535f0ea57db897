"""Look at guarded rollouts: load → decide → switch off → flip."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.db import transaction

from golive.alerts import flips
from golive.alerts.models import Severity, State
from golive.flags import switch
from golive.flags.evaluation import why_off
from golive.flags.guard import Guard, Side, Verdict, decide
from golive.flags.models import FlagState
from golive.kit.named import queries
from golive.telemetry import store
from golive.telemetry.store import StoreError

log = logging.getLogger("golive.flags")
SQL = queries(Path(__file__).with_name("queries.sql"))
BY = "golive"
Load = Callable[[FlagState, Guard, datetime], dict[str, Side]]


def sides(state: FlagState, guard: Guard, now: datetime) -> dict[str, Side]:
    """Requests by variant, not counting what was received before the last change. Raises StoreError."""
    since = max(now - guard.window, state.changed_at)
    rows = store.rows(
        SQL["variants"],
        project=state.flag.project.slug,
        environment=state.environment,
        flag=state.flag.key,
        since=int(since.timestamp()),
        until=int(now.timestamp()) + 1,
    )
    return {row["variant"]: Side(int(row["requests"]), int(row["failures"]), float(row["p95_ms"])) for row in rows}


def watch(now: datetime, load: Load = sides) -> int:
    """Look at every guarded flag that is on; how many were switched off."""
    tripped = 0
    found = FlagState.objects.filter(on=True, killed=False).exclude(guard={}).select_related("flag__project")
    for state in found:
        if why_off(state.evaluated(), now):
            continue
        guard = Guard.model_validate(state.guard)
        try:
            verdict = decide(load(state, guard, now), state.flag.off, guard, state.guard_bad_since, now)
        except StoreError as error:
            log.warning("flag %s cannot be guarded: %s", state.flag.key, error)
            continue
        if verdict.off:
            tripped += trip(state, verdict, now)
            continue
        FlagState.objects.filter(pk=state.pk, version=state.version).update(
            guard_bad_since=verdict.bad_since, guard_reason=verdict.reason[:300]
        )
    return tripped


def trip(state: FlagState, verdict: Verdict, now: datetime) -> bool:
    """Kill the flag and say so; False when somebody changed it meanwhile."""
    flag = state.flag
    why = f"its guard switched it off: {verdict.reason}"
    try:
        with transaction.atomic():
            switch.kill(state, BY, now, why)
            FlagState.objects.filter(pk=state.pk).update(tripped_at=now, guard_reason=verdict.reason[:300])
            _flip(state, State.OK, State.FIRING, verdict.reason, now, verdict.bad_since)
    except switch.Changed:
        return False
    log.warning("flag %s in %s: %s", flag.key, state.environment, why)
    return True


def calm(now: datetime, load: Load = sides) -> None:
    """A tripped flag is well again when no request gets its variant any more, or somebody switched it on again."""
    for state in FlagState.objects.exclude(tripped_at=None).select_related("flag__project"):
        guard = Guard.model_validate(state.guard)
        if state.killed:
            try:
                left = load(state, guard, now)
            except StoreError:
                continue
            harmed = sum(side.requests for name, side in left.items() if name != state.flag.off)
            # programs that keep what they were told need a while; what came since the kill counts, for two minutes
            if state.tripped_at and (now - state.tripped_at).total_seconds() < 120 and harmed:
                continue
            reason = "it is off, and nobody gets its variant" if not harmed else "it was switched off two minutes ago"
        else:
            reason = f"switched on again by {state.changed_by}"
        with transaction.atomic():
            if FlagState.objects.filter(pk=state.pk, tripped_at=state.tripped_at).update(tripped_at=None):
                _flip(state, State.FIRING, State.OK, reason, now)


def _flip(
    state: FlagState, old: State, new: State, reason: str, now: datetime, began_at: datetime | None = None
) -> None:
    flag = state.flag
    flips.record(
        flag.project,
        f"flag:{flag.key}",
        key=state.environment,
        title=f"Flag {flag.key} did harm and switched itself off" if new == State.FIRING else f"Flag {flag.key} is off",
        old=old,
        new=new,
        severity=Severity.WARNING,
        reason=reason,
        at=now,
        began_at=began_at,
        environment=state.environment,
        link=switch.link(flag, state.environment),
        evidence={"flag": flag.key, "environment": state.environment},
    )
