"""Schedules from golive.toml to pages, commands, API, calendar and mails."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import icalendar
import pytest
from django.core.cache import cache
from django.utils import timezone
from pydantic import ValidationError
from typer.testing import CliRunner

from golive.notify.models import OutboxMessage
from golive.oncall import feed, notices, overrides, strip
from golive.oncall.commands import app
from golive.oncall.final import Gap, Shift
from golive.oncall.handoff import Handoff, latest
from golive.oncall.layers import DAY, Hours
from golive.oncall.models import OnCall, Schedule
from golive.oncall.plan import RestrictionPlan, SchedulePlan, turn_of
from golive.oncall.roster import roster_of
from golive.oncall.section import OnCallPlan, apply, differences
from golive.people.models import AuditEntry, Role, User
from golive.people.tokens import create

H = timedelta(hours=1)
T0 = datetime(2026, 11, 23, 9, tzinfo=UTC)
ADA = {"people": ["ada@x.io"], "start": "2026-11-02"}


@pytest.mark.parametrize(
    ("said", "hours"),
    [
        ({"from": "09:00", "until": "17:00", "days": ["tue"]}, [Hours(33 * H, 41 * H)]),
        ({"from": "22:00", "until": "06:00", "days": ["sun"]}, [Hours(166 * H, 174 * H)]),
        ({"from": "00:00", "until": "24:00", "days": ["mon"]}, [Hours(0 * H, 24 * H)]),
        ({"from": "fri 17:00", "until": "mon 09:00"}, [Hours(113 * H, 177 * H)]),
        ({"from": "mon 09:00", "until": "fri 17:00"}, [Hours(9 * H, 113 * H)]),
    ],
)
def test_restrictions_mean_hours_of_the_week(said, hours):
    assert RestrictionPlan.model_validate(said).hours() == hours


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"layers": []}, "at least 1"),
        ({"zone": "Mars/Base", "layers": [ADA]}, "is not a time zone"),
        ({"layers": [ADA | {"rotation": "sometimes"}]}, "is not a rotation"),
        ({"layers": [ADA | {"rotation": "5m"}]}, "a turn lasts 1h"),
        ({"layers": [ADA | {"handoff": "9"}]}, "is not a time of day"),
        ({"layers": [ADA | {"handoff": "24:00"}]}, "next day"),
        ({"layers": [ADA | {"people": ["ada"]}]}, "is not an email address"),
        ({"layers": [ADA | {"end": "2026-11-01"}]}, "before end"),
        ({"layers": [ADA | {"restrictions": [{"from": "fri 17:00", "until": "09:00"}]}]}, "in both"),
        ({"layers": [ADA | {"colour": "red"}]}, "Extra inputs"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(said, complaint):
    with pytest.raises(ValidationError, match=complaint):
        SchedulePlan.model_validate(said)


def test_rotations_have_names_or_durations():
    assert [turn_of(text) for text in ("daily", "weekly", "12h", "3d")] == [DAY, 7 * DAY, 12 * H, 3 * DAY]


@pytest.mark.parametrize(
    ("pieces", "handoff"),
    [
        ([Shift("ada", T0 - H, T0, 1), Shift("ben", T0, T0 + H, 1), Gap(T0 + H, T0 + DAY)], ("ben", "ada", T0, T0 + H)),
        ([Shift("ada", T0 - 9 * H, T0, 1), Shift("ada", T0, T0 + H, 1)], None),
        ([Shift("ada", T0 - 9 * H, T0, 1), Gap(T0, T0 + H)], (None, "ada", T0, None)),
        ([Gap(T0 - H, T0), Shift("ben", T0, T0 + H, 0), Shift("ben", T0 + H, T0 + 2 * H, 1)], ("ben", None, T0, None)),
        ([Shift("ada", T0 - 9 * H, T0 - 3 * H, 1), Shift("ben", T0 - 3 * H, T0 + H, 1)], None),  # hours ago
        ([Shift("ben", T0, T0 + H, 1)], None),  # who was before is not known
    ],
)  # fmt: skip
def test_handoffs(pieces, handoff):
    assert latest(pieces, T0 + timedelta(minutes=5)) == (Handoff(*handoff) if handoff else None)


def test_a_day_of_the_strip_is_filled_on_days_of_clock_changes_too():
    starts = strip.day_starts(
        datetime(2026, 10, 25, 12, tzinfo=UTC), SchedulePlan(layers=[ADA], zone="Europe/Berlin").meaning()[0].zone, 2
    )
    assert [later - earlier for earlier, later in pairwise(starts)] == [25 * H, 24 * H]
    middle = starts[0] + 5 * H
    first, second = strip.days([Gap(starts[0], middle), Shift("ada@x.io", middle, starts[2], 1)], starts, starts[0])
    assert [(piece.label, piece.left, piece.width) for piece in first.segments] == [("nobody", 0, 20), ("ada", 20, 80)]
    assert (first.now, second.now, second.segments[0].width) == (0, None, 100)


def test_apply_shows_and_keeps_schedules(plan, project):
    wanted = OnCallPlan.model_validate({"schedules": {"primary": {"layers": [ADA]}, "second": {"layers": [ADA]}}})
    assert [(one.verb, one.subject) for one in differences(project.pk, wanted)] == [
        ("add", "oncall.schedules.primary"),
        ("add", "oncall.schedules.second"),
    ]
    apply(project.pk, wanted, "cli")
    assert differences(project.pk, wanted) == []
    turned = OnCallPlan(schedules=dict(reversed(wanted.schedules.items())))
    assert [one.after for one in differences(project.pk, turned)] == ["second, primary"]
    apply(project.pk, OnCallPlan(schedules={"second": wanted.schedules["second"]}), "cli")
    assert [one.name for one in project.schedules.all()] == ["second"]


def test_a_page_goes_to_who_is_on_call_then_to_the_people_then_to_the_others(schedule):
    policy = roster_of(schedule.project).on_call_at(timezone.now())
    on_call = schedule.on_call_at(timezone.now())
    other = next(who for who in schedule.people if who != on_call)
    assert policy.people == (on_call, "cy@x.io", other)


def test_a_gap_pages_nobody_and_wakes_nobody_who_is_off(plan):
    project = plan(schedules={"primary": {"layers": [ADA | {"start": "2100-01-01"}]}})
    assert roster_of(project).on_call_at(timezone.now()).people == ()


def test_an_override_counts_at_once_and_taking_it_back_keeps_what_was(schedule):
    now = timezone.now()
    made = overrides.override(schedule, overrides.Wanted("Dee@x.io", now - DAY, now + H), "cli")
    assert made.since >= now  # who was paged is not rewritten
    assert schedule.on_call_at(timezone.now()) == "dee@x.io"
    overrides.cancel(made, "cli")
    assert schedule.on_call_at(timezone.now()) != "dee@x.io"
    assert schedule.overrides.count() == 1
    assert [entry.action for entry in AuditEntry.objects.order_by("-id")[:2]] == [
        "oncall.override.cancel",
        "oncall.override",
    ]


@pytest.mark.parametrize(
    ("who", "since", "until", "complaint"),
    [
        ("dee", 0, 1, "not an email"),
        ("dee@x.io", 2, 1, "ends after"),
        ("dee@x.io", -2, -1, "is over"),
        ("dee@x.io", 0, 24 * 400, "a year"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(schedule, who, since, until, complaint):
    now = timezone.now()
    with pytest.raises(overrides.OverrideError, match=complaint):
        overrides.override(schedule, overrides.Wanted(who, now + since * H, now + until * H), "cli")


def test_a_swap_exchanges_two_shifts_and_nothing_else(schedule):
    now = timezone.now()
    one, other = now + 24 * H, now + 36 * H
    before = schedule.final(now, now + 5 * DAY)
    overrides.swap(schedule, one, other, "cli")
    changed = {piece.since: piece.who for piece in before}
    first, second = (next(p for p in before if p.since <= at < p.until) for at in (one, other))
    changed[first.since], changed[second.since] = second.who, first.who
    assert {piece.since: piece.who for piece in schedule.final(now, now + 5 * DAY)} == changed
    with pytest.raises(overrides.OverrideError, match="Both shifts"):
        overrides.swap(schedule, one, one + H / 60, "cli")


def test_a_handoff_is_mailed_once_to_both(schedule):
    start = datetime.combine(timezone.now().date() + DAY, datetime.min.time(), UTC)
    assert notices.tell(start + 5 * H) == 0
    notices.tell(start + timedelta(minutes=1))
    notices.tell(start + timedelta(minutes=2))
    sent = {message.recipient: message for message in OutboxMessage.objects.all()}
    assert OutboxMessage.objects.count() == len(sent) == 2
    came = schedule.on_call_at(start)
    assert "you are on call now" in sent.pop(came).subject
    (went,) = sent.values()
    assert f"{came} has taken over" in went.text


def test_the_feed_is_read_by_a_calendar_and_its_address_is_the_secret(schedule, client):
    address = feed.address(schedule).partition("://")[2].partition("/")[2]
    answer = client.get(f"/{address}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    events = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    now = timezone.now()
    (live,) = [one for one in events if one.start <= now < one.end]
    assert schedule.on_call_at(now) in str(live["summary"])
    assert any("Nobody on call" in str(one["summary"]) for one in events)  # before the first turn
    assert len({str(one["uid"]) for one in events}) == len(events)
    assert client.get(f"/oncall/{schedule.pk}-{'0' * 40}.ics").status_code == 404
    Schedule.objects.update(feed=2)
    assert client.get(f"/{address}").status_code == 404


def test_every_page_says_who_is_on_call(schedule, client):
    client.force_login(User.objects.create_person("eve@x.io", "p", Role.VIEWER))
    who = schedule.on_call_at(timezone.now()).partition("@")[0]
    for path in ("/p/acme/incidents/", "/p/acme/notifications/"):
        assert f'<span class="nav-note">{who}</span>' in client.get(path).content.decode()
    Schedule.objects.all().delete()
    OnCall.objects.update(people=[])
    cache.clear()
    assert '<span class="nav-note">nobody</span>' in client.get("/p/acme/incidents/").content.decode()


def test_the_page_shows_gaps_as_nobody_and_lets_responders_change(plan, client):
    layer = {"people": ["ada@x.io"], "start": "2026-01-01", "restrictions": [{"from": "09:00", "until": "17:00"}]}
    project = plan(schedules={"primary": {"layers": [layer]}})
    client.force_login(User.objects.create_person("eve@x.io", "p", Role.VIEWER))
    body = client.get("/p/acme/oncall/").content.decode()
    assert "nobody" in body
    assert "Put on call" not in body
    until = f"{timezone.now() + DAY:%Y-%m-%dT%H:%M}"
    form = {"who": "dee@x.io", "since": "now", "until": until}
    assert client.post("/p/acme/oncall/primary/override/", form).status_code == 403
    client.force_login(User.objects.create_person("dee@x.io", "p", Role.RESPONDER))
    assert "dee@x.io takes over" in client.post("/p/acme/oncall/primary/override/", form, follow=True).content.decode()
    assert roster_of(project).on_call_at(timezone.now()).people[0] == "dee@x.io"
    assert b"is not a time" in client.post("/p/acme/oncall/primary/swap/", {}, follow=True).content
    takeover = project.schedules.get().overrides.get()
    client.post(f"/p/acme/oncall/primary/override/{takeover.pk}/cancel/")
    client.post("/p/acme/oncall/primary/feed/")
    assert project.schedules.get().feed == 2


def test_commands(schedule):
    run = CliRunner().invoke
    assert f"schedule primary: {schedule.on_call_at(timezone.now())}" in run(app, ["oncall", "now"]).output
    made = run(app, ["oncall", "override", "dee@x.io", "--for", "2h", "--note", "a flight"])
    assert (made.exit_code, "dee@x.io is on call for primary" in made.output) == (0, True)
    assert run(app, ["oncall", "override", "dee@x.io"]).exit_code == 3
    shown = run(app, ["oncall", "schedule", "--days", "2"])
    assert (shown.exit_code, "override" in shown.output) == (0, True)
    number = run(app, ["oncall", "overrides"]).output.partition(":")[0]
    assert run(app, ["oncall", "cancel", number]).exit_code == 0
    tomorrow = timezone.now() + DAY
    swapped = run(app, ["oncall", "swap", tomorrow.isoformat(), (tomorrow + 12 * H).isoformat()])
    assert (swapped.exit_code, len(swapped.output.splitlines())) == (0, 2)
    first = run(app, ["oncall", "feed"]).output
    assert first != run(app, ["oncall", "feed", "--reset"]).output
    assert run(app, ["oncall", "schedule", "--schedule", "none"]).exit_code == 3


def test_api(schedule, client):
    _, value = create("robot", ["oncall:write"])
    bearer = {"Authorization": f"Bearer {value}"}
    base = "/api/v1/projects/acme/oncall"
    now = timezone.now()
    body = {"who": "dee@x.io", "since": now.isoformat(), "until": (now + H).isoformat()}
    at = f"{base}/schedules/primary"
    made = client.post(f"{at}/overrides", body, "application/json", headers=bearer)
    assert made.status_code == 201
    answer = client.get(base, headers=bearer).json()
    assert (answer["people"][0], answer["schedules"]) == ("dee@x.io", [{"name": "primary", "on_call": "dee@x.io"}])
    pieces = client.get(at, headers=bearer).json()["pieces"]
    assert [earlier["until"] for earlier in pieces[:-1]] == [later["since"] for later in pieces[1:]]
    assert len(client.get(f"{at}/overrides", headers=bearer).json()) == 1
    assert client.delete(f"{at}/overrides/{made.json()['id']}", headers=bearer).status_code == 204
    two = {"first": (now + DAY).isoformat(), "second": (now + DAY + 12 * H).isoformat()}
    assert client.post(f"{at}/swaps", two, "application/json", headers=bearer).status_code == 201
    refused = client.post(f"{at}/overrides", body | {"until": body["since"]}, "application/json", headers=bearer)
    assert refused.status_code == 422
    too_long = {"until": (now + 100 * DAY).isoformat()}
    assert client.get(at, too_long, headers=bearer).status_code == 422
