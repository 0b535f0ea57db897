"""The link in a mail acts once, for one purpose, for one firing, and for a limited time."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.utils import timezone

from golive.alerts.models import Severity
from golive.incidents import links, moves, paging
from golive.incidents.lifecycle import State
from golive.incidents.models import EntryKind, Incident


@pytest.fixture
def incident(on_call) -> Incident:
    return moves.open_incident(on_call, "home is down", Severity.CRITICAL, timezone.now())


def path_of(incident: Incident, who: str = "ada@acme.example") -> str:
    return urlsplit(links.url(incident, who, links.Purpose.ACKNOWLEDGE)).path


def state_of(incident: Incident) -> str:
    return Incident.objects.values_list("state", flat=True).get(pk=incident.pk)


def test_looking_does_not_act(client, incident):
    for look in (client.get, client.head):
        assert look(path_of(incident)).status_code == 200
    assert state_of(incident) == State.DETECTED


def test_used_twice_it_says_who_was_first(client, incident):
    client.post(path_of(incident))
    again = client.post(path_of(incident, "ben@acme.example"))
    assert b"ada@acme.example has acknowledged it" in again.content
    assert incident.timeline.filter(kind=EntryKind.ACKNOWLEDGED).count() == 1


def test_expired(client, incident, monkeypatch):
    path = path_of(incident)
    monkeypatch.setattr(links, "LIFETIME", timedelta(0))
    assert client.post(path).status_code == 410
    assert state_of(incident) == State.DETECTED


@pytest.mark.parametrize(
    "change", [lambda p: p[:-2] + "/", lambda p: p.replace("/a/", "/a/x"), lambda p: "/a/nonsense/"]
)
def test_tampered(client, incident, change):
    assert client.post(change(path_of(incident))).status_code == 410
    assert state_of(incident) == State.DETECTED


def test_signed_for_another_purpose(client, incident):
    content = {"incident": incident.pk, "who": "eve", "since": incident.paging_since.isoformat()}
    for salt in ("golive.incidents.resolve", "django.core.signing"):
        assert client.post(f"/a/{signing.dumps(content, salt=salt)}/").status_code == 410
    assert state_of(incident) == State.DETECTED


def test_a_link_of_an_earlier_firing_cannot_silence_a_new_one(client, incident):
    path = path_of(incident)
    moves.mitigate(incident, "golive", timezone.now())
    moves.refire(incident, timezone.now(), "fires again")
    answer = client.post(path)
    assert answer.status_code == 410
    assert b"earlier alarm" in answer.content
    assert state_of(incident) == State.DETECTED


def act(incident, purpose, who="ada@acme.example"):
    return urlsplit(links.url(incident, who, purpose)).path


def test_a_link_is_for_one_purpose(incident, client):
    path = act(incident, links.Purpose.ACKNOWLEDGE)
    assert client.post(path.replace("/a/", "/z/")).status_code == 410
    assert client.post(path.replace("/a/", "/r/")).status_code == 410
    incident.refresh_from_db()
    assert incident.state == State.DETECTED


def test_snoozed_by_link_nobody_is_paged_until_it_ends(incident, client):
    path = act(incident, links.Purpose.SNOOZE)
    assert b"Snooze for 30 minutes" in client.get(path).content
    incident.refresh_from_db()
    assert incident.snoozed_until is None  # looking is not acting
    assert b"Pages start anew" in client.post(path).content
    incident.refresh_from_db()
    assert incident.state == State.DETECTED
    assert incident.next_page_at == incident.snoozed_until
    before = incident.pages.count()
    paging.page_due(incident.snoozed_until - timedelta(seconds=1))
    assert incident.pages.count() == before
    paging.page_due(incident.snoozed_until)
    assert [page.reason for page in incident.pages.all()[before:]] == ["first"]


def test_resolved_by_link_with_its_cause(incident, client):
    path = act(incident, links.Purpose.RESOLVE)
    assert b"Write down the cause" in client.post(path, {"cause": "", "fix": "none", "reason": "x"}).content
    given = {"cause": "a full disk", "fix": "none", "reason": "the disk is larger now"}
    assert b"Resolved by" in client.post(path, given).content
    incident.refresh_from_db()
    assert (incident.state, incident.cause) == (State.RESOLVED, "a full disk")
