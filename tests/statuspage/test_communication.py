"""Telling customers: subscribers, maintenance, holding, approval, mail to those hit, post-mortems, languages."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from pydantic import ValidationError

from golive.alerts.models import State as Source
from golive.incidents import impact, moves
from golive.incidents.impact import Customer
from golive.incidents.lifecycle import State
from golive.notify.channels.email import compose
from golive.notify.models import OutboxMessage
from golive.oncall.models import OnCall
from golive.people.models import AuditEntry, Role, User
from golive.statuspage import customers, maintenance, publish, telling
from golive.statuspage.autopublish import Facts, decide, draft
from golive.statuspage.document import compose as document
from golive.statuspage.maintenance import due_stage
from golive.statuspage.models import Component, MaintenanceUpdate, Stage, Subscriber, Told
from golive.statuspage.section import StatusPlan, apply, differences
from golive.statuspage.statuspage_v2 import files as json_files
from golive.statuspage.wording import LANGUAGES
from tests.receiver import receiving

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
M = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


def told(event):
    return list(OutboxMessage.objects.filter(event=event).order_by("id"))


def join(client, email="eve@x.io", **given):
    assert b"Look into your mailbox" in client.post("/status/acme/subscribe/", {"email": email, **given}).content
    link = re.search(r"Confirm it: (\S+)", told("statuspage.confirm")[-1].text)[1]
    return urlsplit(link).path


def over(incident):
    incident.sources.update(state=Source.OK)
    moves.resolve(incident, "ada", timezone.now(), cause="x", no_fix_reason="y")


def test_subscribed_after_confirming_and_left_by_one_click(client, page, incident):
    path = join(client)
    telling.tell(incident, Told.INVESTIGATING, "We look.", "ada", timezone.now())
    assert told("statuspage.update") == []  # not confirmed yet
    client.get(path)
    assert Subscriber.objects.get().confirmed_at is None  # looking is not acting
    assert b"Updates go to eve@x.io" in client.post(path).content
    telling.tell(incident, Told.IDENTIFIED, "We know.", "ada", timezone.now())
    (message,) = told("statuspage.update")
    assert (message.recipient, message.subject) == ("eve@x.io", "[acme status] Identified: Problem with Web app")
    headers = compose(message, "status@acme.example").extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = urlsplit(headers["List-Unsubscribe"].strip("<>")).path
    client.get(leave)
    assert Subscriber.objects.exists()
    client.post(leave, {"List-Unsubscribe": "One-Click"})
    assert not Subscriber.objects.exists()
    assert client.post(path).status_code == 410


def test_asked_again_not_before_ten_minutes(client, page):
    join(client)
    join(client)
    assert len(told("statuspage.confirm")) == 1


def test_webhooks_slack_and_components(client, page, incident):
    _, api = Component.objects.all()
    client.post(join(client, "a@x.io", url="https://x.io/hook"))
    client.post(join(client, "b@x.io", url="https://hooks.slack.com/services/1"))
    client.post(join(client, "c@x.io", components=[api.code]))
    telling.tell(incident, Told.INVESTIGATING, "We look.", "ada", timezone.now())
    slack, hook = sorted(told("statuspage.update"), key=lambda message: message.recipient)
    assert hook.channel == slack.channel == "hook"
    assert hook.data["incident"]["status"] == "investigating"
    assert slack.data["text"].startswith("*Investigating: Problem with Web app*")


@pytest.mark.parametrize("given", [{"email": "no"}, {"email": "a@x.io", "url": "file:///etc/passwd"}])
def test_what_cannot_be_subscribed(client, page, given):
    assert client.post("/status/acme/subscribe/", given).status_code == 422
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    ("stage", "minutes", "due"),
    [
        (Stage.SCHEDULED, -1, None),
        (Stage.SCHEDULED, 0, Stage.IN_PROGRESS),
        (Stage.IN_PROGRESS, 30, None),
        (Stage.VERIFYING, 30, None),
        (Stage.IN_PROGRESS, 60, Stage.COMPLETED),
        (Stage.SCHEDULED, 99, Stage.COMPLETED),
        (Stage.COMPLETED, 30, None),
    ],
)
def test_stages_by_the_clock(stage, minutes, due):
    assert due_stage(stage, NOW, NOW + 60 * M, NOW + minutes * M) == due


def test_maintenance_from_announcement_to_completion(client, page):
    web, _ = Component.objects.all()
    client.post(join(client))
    at = timezone.now()
    work = maintenance.schedule(page.project, "Move", "Slow pages.", at + M, at + 9 * M, [web.code], "ada", at)
    found = json_files(document(page.project, at), "u")
    assert [one["id"] for one in found["api/v2/scheduled-maintenances/upcoming.json"]["scheduled_maintenances"]] == [
        work.code
    ]
    assert maintenance.run_due(at) == 0
    assert maintenance.run_due(at + M) == 1
    found = json_files(document(page.project, at + M), "u")
    (active,) = found["api/v2/scheduled-maintenances/active.json"]["scheduled_maintenances"]
    assert (active["status"], active["impact"]) == ("in_progress", "maintenance")
    statuses = {one["name"]: one["status"] for one in found["api/v2/components.json"]["components"]}
    assert statuses["Web app"] == "under_maintenance"
    assert maintenance.run_due(at + 9 * M) == 1
    assert list(MaintenanceUpdate.objects.values_list("stage", flat=True)) == ["completed", "in_progress", "scheduled"]
    assert len(told("statuspage.update")) == 3
    with pytest.raises(maintenance.MaintenanceError, match="complete"):
        maintenance.move(work, Stage.VERIFYING, "", "ada", at)


def test_held_nothing_is_told_by_itself(page, incident):
    telling.hold(incident, "ada", timezone.now())
    assert telling.publish_due(timezone.now()) == 0
    telling.release(incident, "ada", timezone.now())
    assert telling.publish_due(timezone.now()) == 1
    words = list(incident.timeline.filter(kind="published").values_list("text", flat=True))
    assert words[0].startswith("Held: ada")


def test_a_draft_waits_for_approval_and_is_asked_for_once(page, incident):
    page.approve = True
    page.save()
    OnCall.objects.create(project=page.project, people=["ada@acme.example"])
    for _ in range(2):
        assert telling.publish_due(timezone.now()) == 0
    (message,) = told("statuspage.draft")
    assert "We are investigating a problem with Web app." in message.text
    telling.tell(incident, Told.INVESTIGATING, "We are on it.", "ada", timezone.now())
    assert incident.notice.updates.count() == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language):
    assert LANGUAGES[language].keys() == LANGUAGES["en"].keys()
    for state, last in ((State.DETECTED, None), (State.DETECTED, Told.MONITORING), (State.MITIGATED, Told.IDENTIFIED)):
        facts = Facts(state, True, ("API", "Web"), NOW - 9 * M, NOW, last, language=language)
        assert "API" in draft(facts, NOW).body
    facts = Facts(State.RESOLVED, True, ("API",), NOW - 9 * M, NOW, Told.MONITORING, language=language)
    assert "12:00" in decide(facts, 5 * M, NOW).body


def test_customers_who_were_hit_are_mailed_once_unless_held(page, incident, monkeypatch):
    page.mail_customers = True
    page.save()
    hit = [Customer("eve@x.io", 9), Customer("user-7", 3)]
    monkeypatch.setattr(impact, "customers", lambda *_: hit)
    assert customers.tell_due(timezone.now()) == 0  # the page has not told it yet
    telling.publish_due(timezone.now())
    telling.hold(incident, "ada", timezone.now())
    assert customers.tell_due(timezone.now()) == 0
    telling.release(incident, "ada", timezone.now())
    assert (customers.tell_due(timezone.now()), customers.tell_due(timezone.now())) == (1, 0)
    hit.append(Customer("joe@x.io", 1))
    assert customers.tell_due(timezone.now()) == 1
    over(incident)
    telling.publish_due(timezone.now())
    customers.tell_due(timezone.now())
    customers.tell_due(timezone.now())
    assert sorted(message.recipient for message in told("statuspage.customer")) == [
        "eve@x.io",
        "eve@x.io",
        "joe@x.io",
        "joe@x.io",
    ]


@pytest.fixture
def lookup(monkeypatch):
    """The project's own service that knows its customers."""
    monkeypatch.setenv("GOLIVE_ALLOW_PRIVATE", "127.0.0.0/8")

    def respond(got):
        known = {"u1": "one@x.io", "u2": "two@x.io"} if b"plans" in got.body else {"u1": "one@x.io"}
        return service.answer, json.dumps(known).encode()

    with receiving(respond) as service:
        yield service


def test_customers_of_a_plan_are_mailed_too_once_each_and_held_like_the_others(page, incident, monkeypatch, lookup):
    page.mail_customers, page.lookup, page.mail_plans = True, lookup.url, ["pro", "enterprise"]
    page.save()
    monkeypatch.setattr(impact, "customers", lambda *_: [Customer("u1", 9)])
    telling.publish_due(timezone.now())
    telling.hold(incident, "ada", timezone.now())
    assert (customers.tell_due(timezone.now()), lookup.got) == (0, [])
    assert AuditEntry.objects.filter(action="statuspage.hold", actor="ada").exists()
    telling.release(incident, "ada", timezone.now())
    lookup.answer = 500
    assert customers.tell_due(timezone.now()) == 0
    lookup.answer = 200
    assert (customers.tell_due(timezone.now()), customers.tell_due(timezone.now())) == (2, 0)
    assert [json.loads(got.body) for got in lookup.got[-2:]] == [{"ids": ["u1"]}, {"plans": ["pro", "enterprise"]}]
    assert sorted(message.recipient for message in told("statuspage.customer")) == ["one@x.io", "two@x.io"]
    words = list(incident.timeline.filter(text__startswith="Mailed").values_list("text", flat=True))
    assert words == ["Mailed 1 customer who met failures", "Mailed 1 customer of pro and enterprise"]


def test_plans_need_a_lookup():
    with pytest.raises(ValueError, match="mail_plans"):
        StatusPlan.model_validate({"mail_customers": True, "mail_plans": ["pro"]})


def test_addresses_come_from_the_lookup_or_the_id():
    found = customers.addresses(["u1", "a@x.io", "u2"], {"u1": "One@x.io"})
    assert found == {"u1": "one@x.io", "a@x.io": "a@x.io"}


def test_the_post_mortem_goes_to_customers(client, page, incident):
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.RESPONDER))
    telling.publish_due(timezone.now())
    path = f"/p/acme/statuspage/{incident.number}/postmortem/"
    client.post(path, {"body": "Early"})
    assert incident.notice.updates.count() == 1  # it is still on
    over(incident)
    telling.publish_due(timezone.now())
    assert b"Tell customers what you learned" in client.get(f"/p/acme/incidents/{incident.number}/review/").content
    client.post(path, {"body": "We learned."})
    assert telling.publish_due(timezone.now()) == 0
    (story,) = document(page.project, timezone.now()).past
    assert (story.told, story.resolved_at is not None) == (Told.POSTMORTEM, True)


def test_groups_feeds_and_looks(page, incident, client):
    Component.objects.filter(name="API").update(group="Backend")
    page.language, page.colour, page.logo = "de", "#123456", "data:image/png;base64,AA=="
    page.save()
    telling.publish_due(timezone.now())
    folder = publish.write(page.project, timezone.now())
    html = (folder / "index.html").read_text()
    assert '<html lang="de">' in html
    assert "Wir untersuchen ein Problem: Web app" in html
    assert "--info:#123456" in html
    assert "Backend" in html
    web, api = Component.objects.all()
    assert "Problem with Web app" in (folder / f"components/{web.code}.rss").read_text()
    assert "Problem with Web app" not in (folder / f"components/{api.code}.rss").read_text()
    listed = json_files(document(page.project, timezone.now()), "u")["api/v2/components.json"]["components"]
    group = next(one for one in listed if one["group"])
    assert group["components"] == [api.code]
    assert next(one for one in listed if one["id"] == api.code)["group_id"] == group["id"]


def test_pushed_by_a_command_without_a_shell(page, tmp_path):
    page.push = f"cp -r . {tmp_path}/out;"
    page.save()
    publish.write(page.project, timezone.now())
    publish.push(page.project)
    assert (tmp_path / "out;" / "index.html").is_file()
    page.push = "false"
    page.save()
    with pytest.raises(publish.PushError, match="ended with 1"):
        publish.push(page.project)


def test_pushed_again_only_when_something_changed(page, tmp_path, incident):
    page.push = f"cp -r . {tmp_path}/out"
    page.save()
    publish.write(page.project, timezone.now())
    pushed = {}
    publish.push_changed(pushed)
    before = dict(pushed)
    publish.write(page.project, timezone.now() + M)
    publish.push_changed(pushed)
    assert pushed == before
    telling.tell(incident, Told.INVESTIGATING, "News.", "ada", timezone.now())
    publish.write(page.project, timezone.now() + M)
    publish.push_changed(pushed)
    assert pushed != before


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "https://x"},
        {"colour": "red"},
        {"password": "sesame"},
        {"language": "xx"},
        {"logo": "/etc/passwd"},
        {"lookup": "ftp://x"},
        {"push": 'cp "'},
    ],
)
def test_what_golive_toml_may_not_say(wrong):
    with pytest.raises(ValidationError):
        StatusPlan.model_validate(wrong)


def test_settings_are_put_in_force(page):
    plan = StatusPlan.model_validate(
        {
            "approve": True,
            "domain": "status.acme.example",
            "templates": [{"name": "db", "body": "The database moves."}],
            "components": [{"name": "Web app", "group": "Front"}],
        }
    )
    assert {"status.approve", "status.domain", "status.templates"} <= {
        one.subject for one in differences(page.project_id, plan)
    }
    apply(page.project_id, plan, "cli")
    assert differences(page.project_id, plan) == []
