"""Decide whether a check is up, down or unknown from its latest attempts. Pure: no clock, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from golive.alerts.models import Severity, State


class Outcome(StrEnum):
    """What one attempt saw. FAULT means that golive itself could not probe: it says nothing about the target."""

    UP = "up"
    DOWN = "down"
    FAULT = "fault"


@dataclass(frozen=True)
class Attempt:
    """One probe: when it ended, from where, what it saw and why."""

    at: datetime
    outcome: Outcome
    reason: str
    region: str = "built-in"


@dataclass(frozen=True)
class Policy:
    """How many attempts in a row it takes. With one region two tries in a row are the quorum."""

    failures: int = 2
    successes: int = 2
    faults: int = 3


class Because(StrEnum):
    """Why the verdict is what it is."""

    NO_DATA = "no data"
    FIRST_FAILURE = "first failure"
    CONFIRMED = "failure confirmed"
    STILL_DOWN = "still down"
    FIRST_SUCCESS = "first success after failures"
    UP = "up"
    FAULT = "we could not probe once"
    FAULTS = "we cannot probe"
    ELSEWHERE = "it fails in some regions only"
    NO_PROBE = "no probe is at work"
    LATE = "late within its grace"
    MISSING = "no ping came"
    OVERRUN = "a run takes too long"
    REPORTED = "the job reported a failure"


class Scope(StrEnum):
    """How far an outage reaches."""

    NONE = ""
    GLOBAL = "global"
    REGIONAL = "regional"


@dataclass(frozen=True)
class Position:
    """What is in force for a check; a change of any of it is a transition. Severity counts only while firing."""

    state: State
    scope: Scope = Scope.NONE
    severity: Severity = Severity.INFO

    @classmethod
    def of(cls, state: State) -> "Position":
        """The position of a check that is seen from one place."""
        return cls(State.FIRING, Scope.GLOBAL, Severity.CRITICAL) if state == State.FIRING else cls(state)


@dataclass(frozen=True)
class Verdict:
    """The state, why, in words, and since when.

    `check_again` asks for the next attempt soon, `elsewhere` for one from every other region at once.
    """

    state: State
    because: Because
    text: str
    began_at: datetime | None
    check_again: bool = False
    scope: Scope = Scope.GLOBAL
    severity: Severity = Severity.CRITICAL
    elsewhere: bool = False

    @property
    def position(self) -> Position:
        return Position(self.state, self.scope, self.severity) if self.state == State.FIRING else Position(self.state)


def decide(state: State, attempts: Sequence[Attempt], policy: Policy = Policy()) -> Verdict:
    """The verdict for a check in `state` after `attempts`, oldest first.

    A fault of ours never makes a check down: it is skipped, and after `faults` of them in a row the check is unknown.
    """
    known = [attempt for attempt in attempts if attempt.outcome is not Outcome.FAULT]
    faults = _tail(attempts, Outcome.FAULT)
    if len(faults) >= policy.faults:
        return Verdict(State.UNKNOWN, Because.FAULTS, f"golive cannot probe: {faults[-1].reason}", faults[0].at)
    if not known:
        text = f"golive cannot probe: {faults[-1].reason}" if faults else "no data yet"
        return Verdict(state, Because.NO_DATA, text, None, check_again=bool(faults))
    if faults:
        return Verdict(state, Because.FAULT, faults[-1].reason, None, check_again=True)
    failures = _tail(known, Outcome.DOWN)
    if failures:
        last = failures[-1]
        if state == State.FIRING:
            return Verdict(State.FIRING, Because.STILL_DOWN, last.reason, failures[0].at)
        if len(failures) < policy.failures:
            return Verdict(state, Because.FIRST_FAILURE, last.reason, None, check_again=True)
        text = f"{last.reason} ({len(failures)} tries in a row)"
        return Verdict(State.FIRING, Because.CONFIRMED, text, failures[0].at)
    successes = _tail(known, Outcome.UP)
    failed_before = state == State.FIRING or len(successes) < len(known)
    if state != State.OK and failed_before and len(successes) < policy.successes:
        return Verdict(state, Because.FIRST_SUCCESS, "answers again; confirming", None, check_again=True)
    return Verdict(State.OK, Because.UP, successes[-1].reason, successes[0].at)


def _tail(attempts: Sequence[Attempt], outcome: Outcome) -> list[Attempt]:
    """The attempts of this outcome at the end."""
    count = 0
    while count < len(attempts) and attempts[-1 - count].outcome is outcome:
        count += 1
    return list(attempts[len(attempts) - count :])


def seen(state: State, checked_at: datetime | None, every: timedelta, now: datetime) -> tuple[State, str | None]:
    """The state as it may be shown at `now`: unknown, with the reason, when nobody has looked for too long."""
    if checked_at is None:
        return State.UNKNOWN, "not checked yet"
    silence = now - checked_at
    if silence > every * 3 + timedelta(seconds=45):
        return State.UNKNOWN, f"not checked for {int(silence.total_seconds())} s; is the pager running?"
    return state, None
