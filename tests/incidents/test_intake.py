"""What flips do: group, raise, reopen, recover; who is told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from golive.alerts.models import Flip, Severity
from golive.alerts.models import State as Source
from golive.incidents import moves, paging, service
from golive.incidents.lifecycle import IllegalTransition, State
from golive.incidents.models import EntryKind, Incident
from golive.notify.models import OutboxMessage
from golive.oncall.models import OnCall

pytestmark = pytest.mark.django_db


def kinds(incident):
    return list(incident.timeline.order_by("id").values_list("kind", flat=True))


def test_one_outage_is_one_incident(on_call, flip):
    flip("check:home")
    flip("rule:error_rate", service="web", severity=Severity.WARNING)
    flip("check:api")
    service.beat()
    incident = Incident.objects.get()
    assert incident.sources.count() == 3
    flip("check:home", Source.OK)
    service.beat()
    assert Incident.objects.get().state == State.DETECTED
    flip("check:api", Source.OK)
    service.beat()
    incident.refresh_from_db()
    assert incident.state == State.MITIGATED
    last = incident.timeline.filter(kind=EntryKind.MITIGATED).get().text
    assert last == "Recovered. Still firing as a warning: error_rate is down"


def test_firing_again_reopens_and_pages_anew(on_call, flip):
    for new in (Source.FIRING, Source.OK, Source.FIRING):
        flip(new=new)
        service.beat()
    incident = Incident.objects.get()
    assert incident.state == State.DETECTED
    assert incident.mitigated_at is None
    assert [page.who for page in incident.pages.all()] == ["ada@acme.example", "ada@acme.example"]


def test_a_resolved_incident_stays_closed(on_call, flip):
    flip()
    service.beat()
    flip(new=Source.OK)
    service.beat()
    moves.resolve(Incident.objects.get(), "ada", timezone.now(), cause="x", no_fix_reason="y")
    flip()
    service.beat()
    assert list(Incident.objects.order_by("number").values_list("state", flat=True)) == ["resolved", "detected"]


def test_a_warning_is_told_once_and_not_paged(on_call, flip):
    flip("rule:signups", severity=Severity.WARNING)
    service.beat()
    paging.page_due(timezone.now() + timedelta(hours=1))
    incident = Incident.objects.get()
    assert not incident.pages.exists()
    assert [m.recipient for m in OutboxMessage.objects.all()] == ["ada@acme.example"]


def test_a_warning_that_turns_critical_pages(on_call, flip):
    flip("rule:error_rate", severity=Severity.WARNING)
    service.beat()
    flip("rule:error_rate", old=Source.FIRING)
    service.beat()
    incident = Incident.objects.get()
    assert incident.severity == "critical"
    assert incident.pages.count() == 1
    assert EntryKind.SEVERITY in kinds(incident)


@pytest.mark.parametrize("new", [Source.OK, Source.UNKNOWN])
def test_what_never_fired_opens_nothing(on_call, flip, new):
    flip(new=new)
    flip("rule:x", severity=Severity.INFO)
    service.beat()
    assert not Incident.objects.exists()
    assert not Flip.objects.filter(handled_at=None).exists()


def test_no_data_is_not_recovery(on_call, flip):
    flip()
    flip(new=Source.UNKNOWN)
    service.beat()
    incident = Incident.objects.get()
    assert incident.state == State.DETECTED
    assert incident.sources.get().state == Source.UNKNOWN


def test_pages_repeat_escalate_and_stop_with_the_acknowledgement(on_call, flip):
    flip()
    service.beat()
    incident = Incident.objects.get()
    for minutes in (1, 5, 9, 10, 14):
        paging.page_due(incident.paging_since + timedelta(minutes=minutes, seconds=5))
    assert [(page.who[:3], page.reason) for page in incident.pages.all()] == [
        ("ada", "first"),
        ("ada", "repeat"),
        ("ada", "repeat"),
        ("ben", "escalation"),
    ]
    moves.acknowledge(incident, "ben@acme.example", timezone.now())
    assert paging.page_due(timezone.now() + timedelta(hours=5)) == 0


def test_nobody_on_call_is_said_once_and_somebody_named_later_is_paged(project, flip):
    flip()
    service.beat()
    incident = Incident.objects.get()
    paging.page_due(timezone.now() + timedelta(minutes=2))
    assert incident.timeline.filter(text=paging.NOBODY).count() == 1
    OnCall.objects.create(project=project, people=["cy@acme.example"])
    assert paging.page_due(timezone.now() + timedelta(minutes=4)) == 1


def test_what_still_fires_cannot_be_resolved(on_call, flip):
    flip()
    service.beat()
    with pytest.raises(IllegalTransition, match="still fires"):
        moves.resolve(Incident.objects.get(), "ada", timezone.now(), cause="x", release="v1")
