"""Verdicts: tables of attempts and properties over random histories."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive.alerts.models import State
from golive.checks.verdict import Attempt, Because, Outcome, decide, seen

T0 = datetime(2026, 1, 1, tzinfo=UTC)
LETTERS = {"u": Outcome.UP, "d": Outcome.DOWN, "f": Outcome.FAULT}


def attempts(history: str) -> list[Attempt]:
    return [Attempt(T0 + timedelta(seconds=n), LETTERS[letter], letter) for n, letter in enumerate(history)]


@pytest.mark.parametrize(
    ("state", "history", "then", "because", "again", "began"),
    [
        (State.UNKNOWN, "", State.UNKNOWN, Because.NO_DATA, False, None),
        (State.UNKNOWN, "u", State.OK, Because.UP, False, 0),
        (State.UNKNOWN, "d", State.UNKNOWN, Because.FIRST_FAILURE, True, None),
        (State.UNKNOWN, "dd", State.FIRING, Because.CONFIRMED, False, 0),
        (State.UNKNOWN, "du", State.UNKNOWN, Because.FIRST_SUCCESS, True, None),
        (State.UNKNOWN, "duu", State.OK, Because.UP, False, 1),
        (State.OK, "uud", State.OK, Because.FIRST_FAILURE, True, None),
        (State.OK, "uudd", State.FIRING, Because.CONFIRMED, False, 2),
        (State.OK, "udu", State.OK, Because.UP, False, 2),
        (State.OK, "dud", State.OK, Because.FIRST_FAILURE, True, None),
        (State.FIRING, "dd", State.FIRING, Because.STILL_DOWN, False, 0),
        (State.FIRING, "ddu", State.FIRING, Because.FIRST_SUCCESS, True, None),
        (State.FIRING, "dduu", State.OK, Because.UP, False, 2),
        (State.FIRING, "u", State.FIRING, Because.FIRST_SUCCESS, True, None),
        (State.FIRING, "ddud", State.FIRING, Because.STILL_DOWN, False, 3),
        (State.OK, "uf", State.OK, Because.FAULT, True, None),
        (State.OK, "uff", State.OK, Because.FAULT, True, None),
        (State.OK, "ufff", State.UNKNOWN, Because.FAULTS, False, 1),
        (State.FIRING, "ddfff", State.UNKNOWN, Because.FAULTS, False, 2),
        (State.OK, "ufd", State.OK, Because.FIRST_FAILURE, True, None),
        (State.OK, "udfd", State.FIRING, Because.CONFIRMED, False, 1),
        (State.UNKNOWN, "f", State.UNKNOWN, Because.NO_DATA, True, None),
    ],
)
def test_verdicts(state: State, history: str, then: State, because: Because, again: bool, began: int | None) -> None:
    verdict = decide(state, attempts(history))
    assert (verdict.state, verdict.because, verdict.check_again) == (then, because, again)
    assert verdict.began_at == (None if began is None else T0 + timedelta(seconds=began))
    assert verdict.text


@given(st.text("udf", max_size=40))
def test_a_check_is_down_only_after_two_failures_and_never_by_our_fault(history: str) -> None:
    state = State.UNKNOWN
    for end in range(1, len(history) + 1):
        before, state = state, decide(state, attempts(history[:end])).state
        if state == State.FIRING and before != State.FIRING:
            assert history[:end].replace("f", "").endswith("dd")
            assert history[end - 1] == "d"
        if before == State.FIRING and state == State.OK:
            assert history[:end].replace("f", "").endswith("uu")


@given(st.text("uf", max_size=30))
def test_without_a_failure_nothing_is_ever_down(history: str) -> None:
    state = State.UNKNOWN
    for end in range(1, len(history) + 1):
        state = decide(state, attempts(history[:end])).state
        assert state != State.FIRING


def test_a_state_nobody_confirms_is_shown_as_unknown() -> None:
    minute = timedelta(minutes=1)
    assert seen(State.OK, T0, minute, T0 + 2 * minute) == (State.OK, None)
    state, reason = seen(State.OK, T0, minute, T0 + 5 * minute)
    assert state == State.UNKNOWN
    assert reason is not None
    assert seen(State.OK, None, minute, T0)[0] == State.UNKNOWN
