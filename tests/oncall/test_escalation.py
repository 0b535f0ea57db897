"""Who is paged when: a table of instants, and properties for any policy."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golive.oncall.escalation import Paged, Policy, Reason, Step, decide, ladder, rehearse

T0 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
M = timedelta(minutes=1)
DEFAULT = ladder(("ada", "ben", "cy"), 5 * M, 10 * M)


def test_the_default_pages_four_times_within_a_quarter_of_an_hour():
    pages = [(at - T0, page.who, page.reason) for at, page in rehearse(DEFAULT, T0, 14 * M)]
    assert pages == [
        (0 * M, "ada", Reason.FIRST),
        (5 * M, "ada", Reason.REPEAT),
        (10 * M, "ada", Reason.REPEAT),
        (10 * M, "ben", Reason.ESCALATION),
    ]


@pytest.mark.parametrize(
    ("policy", "paged", "now", "who", "next_at"),
    [
        (DEFAULT, [], 0, ["ada"], 5),
        (DEFAULT, [("ada", 0)], 1, [], 5),
        (DEFAULT, [("ada", 0)], 5, ["ada"], 10),
        (DEFAULT, [("ada", 0), ("ada", 5)], 10, ["ada", "ben"], 15),
        (DEFAULT, [], 30, ["ada", "ben", "cy"], 35),  # a pager that was down catches up with everybody at once
        (ladder((), 5 * M, 10 * M), [], 0, [], None),
        (ladder(("ada",), 5 * M, 10 * M), [("ada", 0)], 60, ["ada"], 65),
        (ladder(("ada", "ben"), 60 * M, 2 * M), [("ada", 0)], 2, ["ben"], 60),
    ],
)
def test_decisions(policy, paged, now, who, next_at):
    decision = decide(policy, T0, [Paged(name, T0 + at * M) for name, at in paged], T0 + now * M)
    assert [page.who for page in decision.pages] == who
    assert decision.next_at == (None if next_at is None else T0 + next_at * M)
    assert decision.reason


@settings(deadline=None)
@given(
    people=st.integers(1, 5),
    repeat=st.integers(60, 900),
    escalate=st.integers(60, 1800),
)
def test_everybody_is_reached_in_order_and_nobody_is_paged_twice_within_the_repeat(people, repeat, escalate):
    policy = ladder(tuple(f"p{n}" for n in range(people)), timedelta(seconds=repeat), timedelta(seconds=escalate))
    sent = rehearse(policy, T0, policy.escalate * people)
    firsts = {}
    last = {}
    for at, page in sent:
        firsts.setdefault(page.who, at)
        assert page.who not in last or at - last[page.who] >= policy.repeat
        last[page.who] = at
    assert list(firsts) == list(policy.people)
    assert [firsts[who] for who in policy.people] == [T0 + policy.escalate * n for n in range(people)]


def test_several_people_at_once_and_a_person_in_two_steps_is_paged_once():
    policy = Policy((Step(("ada", "ben"), 3 * M), Step(("ben", "cy"), 10 * M)), 5 * M)
    sent = [(int((at - T0) / M), page.who, page.detail) for at, page in rehearse(policy, T0, 4 * M)]
    assert sent == [(0, "ada", "on call"), (0, "ben", "on call"), (3, "cy", "ada and ben have not acknowledged")]


def test_outside_of_its_hours_a_policy_waits_for_them():
    decision = decide(Policy((), 5 * M, "day", opens_at=T0 + 60 * M), T0, [], T0)
    assert (decision.pages, decision.next_at) == ((), T0 + 60 * M)


def test_escalation_counts_from_the_beginning_of_the_hours():
    policy = Policy((Step(("ada",), 10 * M), Step(("ben",), 10 * M)), 5 * M, "day", since=T0 + 60 * M)
    decision = decide(policy, T0, [], T0 + 61 * M)
    assert [page.who for page in decision.pages] == ["ada"]
    assert decision.next_at == T0 + 66 * M
