"""Decide from what several regions see whether a check is down everywhere, somewhere, or nobody can tell. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from golive.alerts.models import Severity, State
from golive.checks import verdict
from golive.checks.verdict import Attempt, Because, Outcome, Policy, Position, Scope, Verdict

REGIONAL_TRIES = 3
MORE_TRIES = 2
POLICY = Policy()


@dataclass(frozen=True)
class View:
    """What one region has seen, oldest first. `out` says why it does not count now (its probe is dead)."""

    region: str
    attempts: Sequence[Attempt]
    out: str = ""


@dataclass(frozen=True)
class _Seen:
    """A region that counts: how many failures or successes in a row stand at its end."""

    region: str
    down: int
    up: int
    first: Attempt
    last: Attempt


def decide(
    position: Position, views: Sequence[View], now: datetime, patience: timedelta, policy: Policy = POLICY
) -> Verdict:
    """The verdict for a check in `position`; attempts older than `patience` say nothing any more.

    Down everywhere needs the failure of more than half of the regions that count, and two tries more than those; down
    in a region needs three failures in a row there while the others see it up. One region alone is judged by two tries
    in a row. Regions that are out never count, and none that counts is unknown, not up.
    """
    if len(views) == 1 and not views[0].out:
        return _alone(position, views[0], policy)
    counting, silent = _counting(views, now - patience, policy)
    if not counting:
        if not any(view.attempts for view in views) and not silent:
            none = Verdict(position.state, Because.NO_DATA, "no data yet", None)
            return replace(none, scope=position.scope, severity=position.severity)
        text = "; ".join(silent[:3]) or "no region has looked lately"
        return Verdict(State.UNKNOWN, Because.NO_PROBE, f"no probe can tell: {text}", now)
    if len(counting) == 1:
        alone = next(view for view in views if view.region == counting[0].region)
        return _alone(position, alone, policy)
    return _weigh(position, counting, policy)


def _alone(position: Position, view: View, policy: Policy) -> Verdict:
    """One region judges; an outage somewhere does not become one everywhere because the others fell silent."""
    found = verdict.decide(position.state, view.attempts, policy)
    decided = found.because is Because.STILL_DOWN and position.scope is not Scope.REGIONAL
    if found.state is not State.FIRING or position.state is not State.FIRING or decided:
        return found
    return replace(found, scope=position.scope, severity=position.severity)


def _counting(views: Sequence[View], since: datetime, policy: Policy) -> tuple[list[_Seen], list[str]]:
    """The regions that count, and why each other one does not."""
    counting, silent = [], []
    for view in views:
        recent = [attempt for attempt in view.attempts if attempt.at >= since]
        faults = _tail(recent, Outcome.FAULT)
        known = [attempt for attempt in recent if attempt.outcome is not Outcome.FAULT]
        if view.out:
            silent.append(f"{view.region} {view.out}")
        elif faults >= policy.faults:
            silent.append(f"{view.region} cannot probe ({recent[-1].reason})")
        elif known:
            down, up = _tail(known, Outcome.DOWN), _tail(known, Outcome.UP)
            counting.append(_Seen(view.region, down, up, known[-max(down, up)], known[-1]))
    return counting, silent


def _weigh(position: Position, counting: Sequence[_Seen], policy: Policy) -> Verdict:
    needed = len(counting) // 2 + 1
    failing = [seen for seen in counting if seen.down]
    well = [seen for seen in counting if seen.up]
    tries = sum(seen.down for seen in failing)
    if len(failing) >= needed and (tries >= needed + MORE_TRIES or position.scope is Scope.GLOBAL):
        return _everywhere(position, counting, failing)
    began = min((seen.first.at for seen in failing), default=None)
    confirmed = began is not None and all(seen.last.at > began for seen in well)
    lasting = [seen for seen in failing if seen.down >= REGIONAL_TRIES]
    firm = position.scope is not Scope.GLOBAL or all(seen.up >= policy.successes for seen in well)
    if lasting and well and confirmed and firm:
        return _somewhere(lasting, counting)
    if failing:
        last = max(failing, key=lambda seen: seen.last.at).last
        because = Because.FIRST_FAILURE if position.state != State.FIRING else Because.STILL_DOWN
        return _same(
            position, because, f"{last.reason} (from {last.region}; asking elsewhere)", elsewhere=not confirmed
        )
    if position.state == State.FIRING and any(seen.up < policy.successes for seen in well):
        return _same(position, Because.FIRST_SUCCESS, "answers again; confirming", elsewhere=True)
    last = max(well, key=lambda seen: seen.last.at).last
    return Verdict(State.OK, Because.UP, last.reason, min(seen.first.at for seen in well))


def _everywhere(position: Position, counting: Sequence[_Seen], failing: Sequence[_Seen]) -> Verdict:
    last = max(failing, key=lambda seen: seen.last.at).last
    text = f"{last.reason} (from {len(failing)} of {len(counting)} regions: {_names(failing)})"
    because = Because.STILL_DOWN if position.scope is Scope.GLOBAL else Because.CONFIRMED
    return Verdict(State.FIRING, because, text, min(seen.first.at for seen in failing), scope=Scope.GLOBAL)


def _somewhere(lasting: Sequence[_Seen], counting: Sequence[_Seen]) -> Verdict:
    last = max(lasting, key=lambda seen: seen.last.at).last
    well = [seen for seen in counting if seen.up]
    text = f"{last.reason} from {_names(lasting)}, while it is up from {_names(well)}"
    began = min(seen.first.at for seen in lasting)
    return Verdict(State.FIRING, Because.ELSEWHERE, text, began, scope=Scope.REGIONAL, severity=Severity.WARNING)


def _same(position: Position, because: Because, text: str, *, elsewhere: bool) -> Verdict:
    base = Verdict(position.state, because, text, None, check_again=True, elsewhere=elsewhere)
    return replace(base, scope=position.scope, severity=position.severity)


def _names(regions: Sequence[_Seen]) -> str:
    return ", ".join(sorted(seen.region for seen in regions))


def _tail(attempts: Sequence[Attempt], outcome: Outcome) -> int:
    count = 0
    while count < len(attempts) and attempts[-1 - count].outcome is outcome:
        count += 1
    return count


def fault_of_probe(alone: int, compared: int) -> str:
    """Why a probe itself is at fault: most of what it looks at fails from there alone. `compared` others see too."""
    if alone >= REGIONAL_TRIES and alone * 2 > compared:
        return f"has trouble of its own: {alone} of {compared} checks fail only from there"
    return ""
