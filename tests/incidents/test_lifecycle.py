"""The table of transitions and its clocks: by cases, and for any order of events."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive.incidents.lifecycle import (
    TABLE,
    Clocks,
    Event,
    IllegalTransition,
    State,
    after,
    check_resolution,
)

T0 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
FRESH = Clocks(began_at=T0 - timedelta(seconds=9), detected_at=T0, paging_since=T0)


def minutes(number: float) -> datetime:
    return T0 + timedelta(minutes=number)


@pytest.mark.parametrize(
    ("story", "ends", "acknowledged", "mitigated", "resolved"),
    [
        ([(Event.ACKNOWLEDGE, 2)], State.ACKNOWLEDGED, 2, None, None),
        ([(Event.MITIGATE, 3)], State.MITIGATED, None, 3, None),
        ([(Event.ACKNOWLEDGE, 2), (Event.MITIGATE, 3), (Event.RESOLVE, 9)], State.RESOLVED, 2, 3, 9),
        ([(Event.RESOLVE, 4)], State.RESOLVED, None, 4, 4),
        ([(Event.MITIGATE, 3), (Event.ACKNOWLEDGE, 4)], State.MITIGATED, 4, 3, None),
        ([(Event.ACKNOWLEDGE, 2), (Event.MITIGATE, 3), (Event.REFIRE, 5)], State.DETECTED, 2, None, None),
        ([(Event.MITIGATE, 3), (Event.RESOLVE, 4), (Event.REOPEN, 6)], State.DETECTED, None, None, None),
    ],
)
def test_stories(story, ends, acknowledged, mitigated, resolved):
    state, clocks = State.DETECTED, FRESH
    for event, at in story:
        step = after(state, clocks, event, minutes(at))
        state, clocks = step.state, step.clocks
    wanted = [None if at is None else minutes(at) for at in (acknowledged, mitigated, resolved)]
    assert (state, [clocks.acknowledged_at, clocks.mitigated_at, clocks.resolved_at]) == (ends, wanted)


@pytest.mark.parametrize(
    ("state", "event"),
    [(state, event) for state in State for event in Event if (state, event) not in TABLE],
)
def test_what_the_table_lacks_is_refused(state, event):
    with pytest.raises(IllegalTransition, match=f"{state} cannot be"):
        after(state, FRESH, event, minutes(1))


def test_refiring_pages_anew():
    mitigated = after(State.DETECTED, FRESH, Event.MITIGATE, minutes(3))
    again = after(mitigated.state, mitigated.clocks, Event.REFIRE, minutes(8))
    assert again.clocks.paging_since == minutes(8)


@given(st.lists(st.tuples(st.sampled_from(list(Event)), st.integers(-50, 50)), max_size=30))
def test_no_order_of_events_leaves_the_table_or_turns_a_clock_back(events):
    state, clocks, now = State.DETECTED, FRESH, T0
    for event, step_minutes in events:
        now += timedelta(minutes=step_minutes)  # clocks of machines do jump back
        before = clocks
        try:
            step = after(state, clocks, event, now)
        except IllegalTransition:
            continue
        assert TABLE[state, event] == step.state
        state, clocks = step.state, step.clocks
        assert step.at >= before.latest()
        assert clocks.latest() >= before.latest()
        assert clocks.paging_since >= before.paging_since
        for at in (clocks.acknowledged_at, clocks.mitigated_at, clocks.resolved_at):
            assert at is None or at >= clocks.detected_at
        if state == State.RESOLVED:
            assert clocks.mitigated_at <= clocks.resolved_at
        if state in (State.DETECTED, State.ACKNOWLEDGED):
            assert clocks.mitigated_at is None


@pytest.mark.parametrize(
    ("cause", "release", "none", "good"),
    [
        ("disk full", "v2", "", True),
        ("disk full", "", "the provider fixed it", True),
        ("", "v2", "", False),
        ("  ", "v2", "", False),
        ("disk full", "", "", False),
        ("disk full", "v2", "and none", False),
    ],
)
def test_resolving_needs_a_cause_and_one_fix(cause, release, none, good):
    if good:
        check_resolution(cause, release, none)
    else:
        with pytest.raises(IllegalTransition):
            check_resolution(cause, release, none)
