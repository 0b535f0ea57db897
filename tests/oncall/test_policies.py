"""What escalation policies of golive.toml come to: tables of instants."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from golive.oncall.policies import PolicyPlan, chosen, resolve
from golive.oncall.roster import roster_of
from golive.oncall.section import OnCallPlan, differences

M = timedelta(minutes=1)
TUESDAY_NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TUESDAY_NIGHT = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "until": "17:00"}


def come_to(name, at, turn=0, **plans):
    read = {key: PolicyPlan.model_validate(plan) for key, plan in plans.items()}
    on_call = {"primary": "ada@x.io"}.get
    return resolve(read, name, at, on_call=on_call, repeat=5 * M, escalate=10 * M, turn=turn)


def steps(policy):
    return [(step.people, step.wait / M) for step in policy.steps]


def test_schedules_are_asked_and_empty_steps_skipped():
    plan = {"steps": [{"who": ["schedule:gone"]}, {"who": ["schedule:primary", "ben@x.io"], "wait": "3m"}]}
    assert steps(come_to("p", TUESDAY_NOON, p=plan)) == [(("ada@x.io", "ben@x.io"), 3)]


@pytest.mark.parametrize(("turn", "who"), [(0, "a@x.io"), (1, "b@x.io"), (2, "c@x.io"), (3, "a@x.io")])
def test_round_robin(turn, who):
    plan = {"steps": [{"who": ["a@x.io", "b@x.io", "c@x.io"], "round_robin": True}]}
    assert steps(come_to("p", TUESDAY_NOON, turn, p=plan)) == [((who,), 10)]


def test_business_hours():
    day = {"steps": [{"who": ["a@x.io"]}], "hours": [OFFICE]}
    night = {"steps": [{"who": ["b@x.io"]}]}
    open_ = come_to("day", TUESDAY_NOON, day=day)
    assert (open_.people, open_.since) == (("a@x.io",), datetime(2026, 11, 24, 9, tzinfo=UTC))
    assert come_to("day", TUESDAY_NIGHT, day=day).opens_at == datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert come_to("day", TUESDAY_NIGHT, day=day | {"outside": "night"}, night=night).people == ("b@x.io",)


def test_hours_keep_their_wall_clock_over_a_clock_change():
    plan = {"steps": [{"who": ["a@x.io"]}], "hours": [{"from": "09:00", "until": "17:00"}], "zone": "Europe/Berlin"}
    summer, winter = datetime(2026, 10, 24, 7, 0, tzinfo=UTC), datetime(2026, 10, 25, 7, 0, tzinfo=UTC)
    assert come_to("p", summer, p=plan).people == ("a@x.io",)  # 09:00 CEST
    assert come_to("p", winter, p=plan).opens_at == winter + 60 * M  # 08:00 CET


def test_policies_that_point_at_each_other_end():
    hours = [{"from": "09:00", "until": "10:00"}]
    one = {"steps": [{"who": ["a@x.io"]}], "hours": hours, "outside": "two"}
    two = {"steps": [{"who": ["b@x.io"]}], "hours": hours, "outside": "one"}
    assert come_to("one", TUESDAY_NIGHT, one=one, two=two).opens_at == datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.mark.parametrize(("service", "name"), [("payments", "money"), ("web", "rest"), ("", "rest")])
def test_the_service_chooses_the_policy(service, name):
    plans = {
        "money": PolicyPlan.model_validate({"services": ["payments"], "steps": [{"who": ["a@x.io"]}]}),
        "rest": PolicyPlan.model_validate({"steps": [{"who": ["b@x.io"]}]}),
    }
    assert chosen(plans, service) == name


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": []},
        {"steps": [{"who": ["nobody"]}]},
        {"steps": [{"who": ["schedule:none"]}]},
        {"steps": [{"who": ["a@x.io"]}], "outside": "b"},
        {"steps": [{"who": ["a@x.io"]}], "hours": [OFFICE], "outside": "none"},
        {"steps": [{"who": ["a@x.io"], "wait": "0s"}]},
    ],
)
def test_what_is_wrong_is_refused(wrong):
    with pytest.raises(ValidationError):
        OnCallPlan.model_validate({"policies": {"a": wrong}})


def test_put_in_force_and_taken_away(plan):
    said = {"a": {"services": ["payments"], "steps": [{"who": ["cy@x.io"], "wait": "2m"}]}}
    project = plan(people=["ada@x.io"], policies=said)
    assert not differences(project.pk, OnCallPlan.model_validate({"people": ["ada@x.io"], "policies": said}))
    roster = roster_of(project)
    assert roster.on_call_at(TUESDAY_NOON, "payments").people == ("cy@x.io",)
    assert roster.on_call_at(TUESDAY_NOON, "web").people == ("ada@x.io",)
    (difference,) = differences(project.pk, OnCallPlan.model_validate({"people": ["ada@x.io"]}))
    assert difference.subject == "oncall.policies.a"
    plan(people=["ada@x.io"])
    assert roster_of(project).on_call_at(TUESDAY_NOON, "payments").people == ("ada@x.io",)
