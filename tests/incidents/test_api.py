"""The API does what the console does, and refuses with reasons."""

import pytest
from django.utils import timezone

from golive.alerts.models import Severity
from golive.incidents import impact, moves
from golive.people import tokens

pytestmark = pytest.mark.django_db
BASE = "/api/v1/projects/acme/incidents"


@pytest.fixture
def api(client, on_call):
    """Calls with a token that may write incidents."""
    _, token = tokens.create("ci", ["incidents:write"])

    def call(method: str, path: str = "", body=None):
        return getattr(client, method)(
            BASE + path, body or {}, content_type="application/json", headers={"authorization": f"Bearer {token}"}
        )

    return call


def test_from_opening_to_resolution(api):
    made = api("post", "", {"title": "Checkout fails"}).json()
    assert (made["number"], made["state"], made["opened_by"]) == (1, "detected", "token:ci")
    assert api("post", "/1/acknowledgement").json()["acknowledged_by"] == "token:ci"
    again = api("post", "/1/acknowledgement")
    assert (again.status_code, again.json()["error"]["message"]) == (
        409,
        "An incident that is acknowledged cannot be acknowledged.",
    )
    api("post", "/1/notes", {"text": "looking at the payment logs"})
    assert api("post", "/1/mitigation").json()["state"] == "mitigated"
    refused = api("post", "/1/resolution", {"cause": "expired key"})
    assert refused.status_code == 409
    assert "or say why none is needed" in refused.json()["error"]["message"]
    assert api("post", "/1/resolution", {"cause": "expired key", "release": "v2"}).json()["state"] == "resolved"
    whole = api("get", "/1").json()
    assert "looking at the payment logs" in [line["text"] for line in whole["timeline"]]
    assert [clock["name"] for clock in whole["clocks"]][:2] == ["Detected", "Paged"]
    assert [incident["number"] for incident in api("get").json()] == [1]


def test_a_reader_may_not_write(client, on_call):
    moves.open_incident(on_call, "x", Severity.WARNING, timezone.now())
    _, token = tokens.create("reader", ["read"])
    headers = {"authorization": f"Bearer {token}"}
    assert client.get(BASE, headers=headers).status_code == 200
    assert client.post(f"{BASE}/1/acknowledgement", headers=headers).status_code == 403


def test_strangers_learn_nothing(client, on_call):
    assert client.get(BASE).status_code == 401


def test_a_month_and_a_review_over_the_api(api):
    api("post", "", {"title": "down"})
    assert api("get", "/1/review").json()["lacking"].startswith("what happened")
    assert api("patch", "/1/review", {"why": "Because."}).json()["why"] == "Because."
    action = {"text": "Alert", "owner": "ada@acme.example", "due": "2026-12-01", "proof": "check:none"}
    made = api("post", "/1/review/actions", action).json()["actions"][0]
    assert api("post", f"/1/review/actions/{made['id']}/completion", {}).status_code == 409  # there is no such check
    assert api("post", "/1/review/completion", {}).status_code == 409
    assert api("post", "/1/snooze", {"minutes": 5}).json()["snoozed_until"]


def test_what_it_costs(api, monkeypatch):
    api("post", "", {"title": "Checkout fails"})
    counted = impact.Impact(100, 7, None, 3, 4200, None, "EUR", hardest_hit=[impact.Customer("ada@acme.example", 2)])
    monkeypatch.setattr(impact, "measure", lambda *_: counted)
    assert api("get", "/1/impact").json() == {
        "requests": 100, "failed": 7, "missing": None, "customers": 3, "lost_minor": 4200, "lost_hourly_minor": None,
        "currency": "EUR",
    }  # fmt: skip
