"""Slack: only signed requests act; buttons and the command do what they say."""

import hmac
import json
import time
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from golive.alerts.models import Severity
from golive.incidents import moves
from golive.incidents.lifecycle import State
from golive.incidents.models import Incident
from golive.incidents.slack import Order, genuine, read
from golive.notify.channels.slack import body
from golive.notify.models import Channels, OutboxMessage
from golive.people.models import Project

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def test_the_example_of_slacks_documentation():
    sent = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    at = datetime.fromtimestamp(1531420618, UTC)
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert genuine(SECRET, signature, "1531420618", sent, at)
    assert not genuine(SECRET, signature, "1531420618", sent + b"x", at)
    assert not genuine(SECRET, signature, "1531420618", sent, at.replace(minute=at.minute + 6))
    assert not genuine(SECRET, signature, "soon", sent, at)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("list", Order("list")),
        ("open the shop is down", Order("open", 0, "the shop is down")),
        ("ack #7", Order("ack", 7)),
        ("ACK 7", Order("ack", 7)),
        ("note 7 restarted it", Order("note", 7, "restarted it")),
        ("note 7", Order("help")),
        ("ack seven", Order("help")),
        ("open", Order("help")),
        ("", Order("help")),
    ],
)
def test_read(text, order):
    assert read(text) == order


@pytest.fixture
def ask(db, client, monkeypatch):
    monkeypatch.setenv("SLACK_SECRET", SECRET)
    monkeypatch.setenv("SLACK_URL", "https://hooks.slack.com/services/x")
    project = Project.objects.create(slug="acme", name="acme")
    Channels.objects.create(project=project, slack=["env:SLACK_URL"], slack_signing_secret="env:SLACK_SECRET")

    def post(secret=SECRET, slug="acme", **fields):
        sent, now = urlencode(fields), str(int(time.time()))
        signature = "v0=" + hmac.new(secret.encode(), f"v0:{now}:{sent}".encode(), sha256).hexdigest()
        headers = {"x-slack-signature": signature, "x-slack-request-timestamp": now}
        kind = "application/x-www-form-urlencoded"
        return client.post(f"/chat/slack/{slug}/", sent, content_type=kind, headers=headers)

    return post


def test_only_slack_is_heard(ask):
    assert ask(secret="another", text="open x").status_code == 401
    assert ask(slug="none", text="open x").status_code == 401
    assert not Incident.objects.exists()


def test_opened_and_acknowledged_by_command(ask):
    assert "Opened #1: shop is down" in ask(text="open shop is down", user_name="ada").json()["text"]
    assert "acknowledged by ada (Slack)" in ask(text="ack 1", user_name="ada").json()["text"]
    assert "cannot be acknowledged" in ask(text="ack 1", user_name="ben").json()["text"]
    assert "no incident #9" in ask(text="ack 9").json()["text"]
    assert "ada (Slack) is on it" in ask(text="list").json()["text"]
    incident = Incident.objects.get()
    assert (incident.opened_by, incident.state) == ("ada (Slack)", State.ACKNOWLEDGED)


def test_buttons_act_on_this_firing_alone(ask):
    incident = moves.open_incident(Project.objects.get(), "down", Severity.CRITICAL, timezone.now(), by="cy")
    sections = body(OutboxMessage.objects.get(channel="slack"))["blocks"]
    buttons = {one["action_id"]: one["value"] for one in sections[1]["elements"]}

    def press(action):
        url = "https://hooks.slack.com/actions/1"
        pressed = {"actions": [{"action_id": action, "value": buttons[action]}], "user": {"username": "ada"}}
        return ask(payload=json.dumps(pressed | {"response_url": url}))

    assert press("golive.resolve").status_code == 200
    incident.refresh_from_db()
    assert incident.state == State.DETECTED  # resolving needs a cause
    assert press("golive.acknowledge").status_code == 200
    incident.refresh_from_db()
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "ada (Slack)")
    answers = OutboxMessage.objects.filter(event="slack.answer").order_by("id")
    assert ["cause" in answers[0].text, "pages have stopped" in answers[1].text] == [True, True]
    moves.mitigate(incident, "ada", timezone.now())
    moves.reopen(incident, "ada", timezone.now())
    assert "earlier alarm" in press("golive.acknowledge").json()["text"]


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"actions":[{}]}'])
def test_what_is_no_button(ask, payload):
    assert ask(payload=payload).status_code == 400
