"""Whom a policy pages over time: once and exactly, as at each instant; and read by a calendar of another make."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import vobject
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golive.oncall import feed
from golive.oncall.coverage import coverage
from golive.oncall.final import Gap, Shift, final_schedule
from golive.oncall.models import EscalationPolicy, Schedule
from golive.oncall.policies import PolicyPlan, resolve
from tests.oncall.test_final import instants, schedules, stretches

T0 = datetime(2026, 11, 23, tzinfo=UTC)  # a Monday
H = timedelta(hours=1)
OFFICE = {"steps": [{"who": ["boss@x.io"]}], "hours": [{"from": "09:00", "until": "17:00"}]}


def plans(**given):
    return {name: PolicyPlan.model_validate(plan) for name, plan in given.items()}


def test_hours_and_schedules_cut_it_and_equal_pieces_are_one():
    turns = [
        Shift("ada@x.io", T0, T0 + 8 * H, 1),
        Shift("ada@x.io", T0 + 8 * H, T0 + 12 * H, 1),
        Gap(T0 + 12 * H, T0 + 24 * H),
    ]
    known = plans(
        day=OFFICE | {"outside": "rest"},
        rest={"steps": [{"who": ["schedule:primary"]}, {"who": ["ben@x.io", "cy@x.io"], "round_robin": True}]},
    )
    found = coverage(known, "day", {"primary": turns}, T0, T0 + 24 * H)
    assert [((one.since - T0) // H, one.steps, one.policy) for one in found] == [
        (0, (("ada@x.io",), ("ben@x.io", "cy@x.io")), "rest"),
        (9, (("boss@x.io",),), "day"),
        (17, (("ben@x.io", "cy@x.io"),), "rest"),  # a gap in the schedule: the next step is paged at once
    ]
    alone = coverage(plans(day=OFFICE), "day", {}, T0, T0 + 24 * H)
    assert [(one.steps, one.waits) for one in alone] == [((), True), ((("boss@x.io",),), False), ((), True)]


hours = st.lists(
    st.sampled_from(
        [
            {"from": "09:00", "until": "17:00"},
            {"from": "22:00", "until": "06:00"},
            {"from": "fri 17:00", "until": "mon 09:00"},
        ]
    ),
    max_size=2,
)


def made(hours, zone, outside):
    day = {"steps": [{"who": ["schedule:primary"]}, {"who": ["ben@x.io"]}], "hours": hours, "zone": zone}
    return plans(
        day=day | ({"outside": "rest"} if hours and outside else {}),
        rest={"steps": [{"who": ["schedule:primary", "cy@x.io"]}]},
    )


policies = st.builds(made, hours, st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]), st.booleans())


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(known=policies, schedule=schedules, since=instants, lasting=stretches, share=st.floats(0, 0.999))
def test_each_instant_is_covered_once_and_as_the_pager_would_page(known, schedule, since, lasting, share):
    pieces = final_schedule(*schedule, since, since + lasting)
    found = coverage(known, "day", {"primary": pieces}, since, since + lasting)
    assert (found[0].since, found[-1].until) == (since, since + lasting)
    assert all(one.until == other.since for one, other in pairwise(found))
    at = since + lasting * share
    (cover,) = [one for one in found if one.since <= at < one.until]
    who = next(piece.who if isinstance(piece, Shift) else None for piece in pieces if piece.since <= at < piece.until)
    paged = resolve(known, "day", at, on_call=lambda _: who, repeat=H, escalate=H)
    assert cover.steps == tuple(step.people for step in paged.steps)
    assert cover.waits == (paged.opens_at is not None)


def by_another_calendar(body: bytes) -> list[dict]:
    """What vobject reads; icalendar, which writes the feed, does not judge itself."""
    events = vobject.readOne(body.decode()).vevent_list
    return [
        {"uid": one.uid.value, "said": one.summary.value, "since": one.dtstart.value, "until": one.dtend.value}
        for one in events
    ]


@pytest.mark.django_db
def test_both_feeds_are_read_by_another_calendar(plan, client):
    layer = {"people": ["ada@x.io", "ben@x.io"], "start": "2026-01-01", "rotation": "daily"}
    rule = OFFICE | {"steps": [{"who": ["schedule:primary"]}, {"who": ["cy@x.io"]}], "zone": "Europe/Berlin"}
    plan(schedules={"primary": {"zone": "Europe/Berlin", "layers": [layer]}}, policies={"day": rule})
    schedule, policy, now = Schedule.objects.get(), EscalationPolicy.objects.get(), timezone.now()
    for shown in (schedule, policy):
        path = "/" + feed.address(shown).partition("://")[2].partition("/")[2]
        answer = client.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
        events = sorted(by_another_calendar(answer.content), key=lambda one: one["since"])
        assert len({one["uid"] for one in events}) == len(events) > 90
        assert all(one["until"] == other["since"] for one, other in pairwise(events))
        (live,) = [one for one in events if one["since"] <= now < one["until"]]
        who = schedule.on_call_at(now)
        assert who in live["said"] or "Pages wait" in live["said"]
        type(shown).objects.update(feed=2)
        assert client.get(path).status_code == 404
    assert sum("Pages wait" in one["said"] for one in events) >= 100
