"""From a flip to a page in somebody's mailbox, its acknowledgement, recovery and resolution."""

import re

import pytest
from django.utils import timezone

from golive.alerts.models import State as SourceState
from golive.changes.models import Change, Kind
from golive.incidents import moves, service
from golive.incidents.lifecycle import IllegalTransition, State
from golive.incidents.models import Incident
from golive.notify.delivery import deliver_due


@pytest.mark.django_db(transaction=True)
def test_from_flip_to_resolution(on_call, sink, flip, client):
    flip()
    service.beat()
    assert deliver_due() == 1
    service.beat()
    incident = Incident.objects.get()
    assert (incident.state, incident.number, incident.severity) == (State.DETECTED, 1, "critical")
    assert incident.paged_at is not None

    (mail,) = sink.mailbox.messages()
    assert list(mail.to) == ["ada@acme.example"]
    assert mail.subject.startswith("[critical] acme: home is down - since ")
    assert "connection refused, 2 tries" in mail.text
    link = re.search(r"Acknowledge: \S+?(/a/\S+)", mail.text)[1]

    assert b"ada@acme.example is on it" in client.get(link).content
    incident.refresh_from_db()
    assert incident.state == State.DETECTED  # looking is not acting
    assert b"Pages have stopped" in client.post(link).content
    incident.refresh_from_db()
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "ada@acme.example")

    flip(new=SourceState.OK)
    service.beat()
    incident.refresh_from_db()
    assert incident.state == State.MITIGATED
    deliver_due()
    assert sink.mailbox.messages(subject="[recovered]")

    with pytest.raises(IllegalTransition, match="cause"):
        moves.resolve(incident, "ada@acme.example", timezone.now(), cause=" ", release="v2")
    moves.resolve(incident, "ada@acme.example", timezone.now(), cause="out of memory", release="v2")
    incident.refresh_from_db()
    assert incident.state == State.RESOLVED
    band = Change.objects.get(kind=Kind.INCIDENT)
    assert band.until == incident.mitigated_at
