"""The link in a mail acts once, for one purpose, for one firing, and for a limited time."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.utils import timezone

from golive.alerts.models import Severity
from golive.incidents import links, moves
from golive.incidents.lifecycle import State
from golive.incidents.models import EntryKind, Incident


@pytest.fixture
def incident(on_call) -> Incident:
    return moves.open_incident(on_call, "home is down", Severity.CRITICAL, timezone.now())


def path_of(incident: Incident, who: str = "ada@acme.example") -> str:
    return urlsplit(links.acknowledge_url(incident, who)).path


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
