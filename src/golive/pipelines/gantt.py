"""A run as bars against budgets: what it waited for, which stage went over, and what is to blame. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from golive.pipelines.models import RunStep
from golive.pipelines.outcome import State
from golive.pipelines.terminal import took

NOTABLE_SECONDS = 2.0
NOTABLE_SHARE = 0.2


@dataclass(frozen=True)
class Bar:
    """One step's bar; places in per cent of the width."""

    step: RunStep
    left: float
    width: float
    budget_left: float  # where its budget ends
    critical: bool
    over_seconds: float


def critical_path(steps: Sequence[RunStep]) -> list[str]:
    """The steps that the run's end waited for, first to last: each the last to end of those that the next needs."""
    done = {step.name: step for step in steps if step.run_seconds or step.state == State.CACHED}
    path: list[str] = []
    step = max(done.values(), key=_end, default=None)
    while step is not None:
        path.append(step.name)
        needed = [done[name] for name in step.needs if name in done]
        step = max(needed, key=_end, default=None)
    return path[::-1]


def _end(step: RunStep) -> float:
    return step.began + step.seconds


def bars(steps: Sequence[RunStep], so_far: float) -> list[Bar]:
    """A bar for each step that has begun, on a common scale that shows every budget's end."""
    path = set(critical_path(steps))
    begun = [step for step in steps if step.state not in (State.WAITING, State.SKIPPED, State.BLOCKED)]
    whole = max([so_far, 1.0, *(_end(step) for step in begun)])
    found = []
    for step in begun:
        length = step.seconds if State(step.state).ended else max(0.0, so_far - step.began)
        budget = min(100.0, 100 * (step.began + step.budget_seconds) / whole)
        over = step.seconds - step.budget_seconds
        left = min(99.5, 100 * step.began / whole)
        width = max(0.4, min(100 - left, 100 * length / whole))
        found.append(Bar(step, left, width, budget, step.name in path, max(0.0, over)))
    return found


def blame(step: RunStep, before: RunStep | None, commit: str) -> str:
    """What made a step slower than it was, or than it should be: one clause, or nothing."""
    if step.state == State.CACHED or not step.run_seconds:
        return ""
    said = []
    if before is not None and before.run_seconds:
        more = step.run_seconds - before.run_seconds
        if abs(more) > max(NOTABLE_SECONDS, NOTABLE_SHARE * before.run_seconds):
            sign = "+" if more > 0 else "\N{MINUS SIGN}"
            said.append(f"{sign}{took(abs(more))} since {f'commit {commit[:8]}' if commit else 'the run before'}")
            if more > 0 and (test := _slower(step.slowest, dict(_pairs(before.slowest)))):
                said.append(test)
    if step.seconds > step.budget_seconds:
        said.append(f"{took(step.seconds - step.budget_seconds)} over its budget")
        if step.slowest and not any("test" in one for one in said):
            name, seconds = step.slowest[0]
            said.append(f"slowest test {name} with {took(seconds)}")
    if step.overhead_seconds > NOTABLE_SECONDS:
        said.append(f"golive itself took {took(step.overhead_seconds)}")
    return ", ".join(said)


def _pairs(slowest: Sequence[Sequence[object]]) -> list[tuple[str, float]]:
    return [(str(name), float(str(seconds))) for name, seconds in slowest]


def _slower(now: Sequence[Sequence[object]], before: Mapping[str, float]) -> str:
    grown = [(seconds - before.get(name, 0.0), name, seconds) for name, seconds in _pairs(now)]
    most = max(grown, default=(0.0, "", 0.0))
    return f"most of all test {most[1]} with {took(most[2])}" if most[0] > 0.5 else ""


def headline(state: State, reason: str, seconds: float, path: Sequence[str], budget_seconds: float) -> str:
    """The first sentence about a run."""
    match state:
        case State.PASSED:
            waited = f"; it waited for {', then '.join(path)}" if path else ""
            over = "" if seconds <= budget_seconds else f", {took(seconds - budget_seconds)} over the budget"
            return f"passed in {took(seconds)}{over}{waited}."
        case State.WAITING:
            return "waits for its turn."
        case State.RUNNING:
            return f"is running for {took(seconds)}."
        case State.FAILED:
            return f"failed after {took(seconds)}: {reason}."
        case _:
            return f"{'was cancelled' if state is State.CANCELLED else 'ended without a result'}: {reason}."
