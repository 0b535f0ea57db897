"""How steps and runs end: states, and the decisions over them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from golive.pipelines.junit import Case


class State(StrEnum):
    """Where a step or a run stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    CACHED = "cached"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"  # golive itself could not do it, or died over it

    @property
    def ended(self) -> bool:
        return self not in (State.WAITING, State.RUNNING)

    @property
    def good(self) -> bool:
        return self in (State.PASSED, State.CACHED)


@dataclass
class Outcome:
    """How one step stands: why, and how long each part took, in seconds."""

    state: State = State.WAITING
    reason: str = ""
    began: float = 0.0  # seconds since the run began
    prepare_seconds: float = 0.0
    services_seconds: float = 0.0
    run_seconds: float = 0.0
    finish_seconds: float = 0.0
    key: str = ""
    key_reason: str = ""
    cached_from: str = ""
    saved_seconds: float = 0.0
    attempts: int = 0
    tests: list[Case] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)
    coverage: float | None = None
    data: dict[str, object] = field(default_factory=dict)  # what an action tells: the preview's address, the release

    @property
    def seconds(self) -> float:
        return self.prepare_seconds + self.services_seconds + self.run_seconds + self.finish_seconds

    @property
    def overhead_seconds(self) -> float:
        """What golive itself took: all but the commands and the start of servers."""
        return self.prepare_seconds + self.finish_seconds


def may_begin(needs: Iterable[str], standing: Mapping[str, Outcome]) -> tuple[bool, str]:
    """Whether a step may begin now; when it never will, the reason. A step that is left out holds nobody up."""
    for need in needs:
        state = standing[need].state
        if state.ended and not state.good and state is not State.SKIPPED:
            return False, f"{need} {'failed' if state in (State.FAILED, State.TIMED_OUT) else state}"
    return all(standing[need].state.ended for need in needs), ""


def of_run(standing: Mapping[str, Outcome], cancelled: str = "") -> tuple[State, str]:
    """How a run as a whole ended, and why."""
    if cancelled:
        return State.CANCELLED, cancelled
    for state in (State.FAILED, State.TIMED_OUT, State.UNKNOWN):
        named = [name for name, outcome in standing.items() if outcome.state is state]
        if named:
            said = "could not be done" if state is State.UNKNOWN else state
            return State.FAILED if state is not State.UNKNOWN else state, f"{', '.join(named)} {said}"
    if blocked := [
        f"{name} ({outcome.reason})" for name, outcome in standing.items() if outcome.state is State.BLOCKED
    ]:
        return State.UNKNOWN, f"not run: {', '.join(blocked)}"
    good = [name for name, outcome in standing.items() if outcome.state.good]
    if not good:
        return State.UNKNOWN, "nothing was run"
    return State.PASSED, f"{len(good)} step{'s' if len(good) > 1 else ''} passed"
