"""An acknowledged incident that nobody attends to: reminders, and the acknowledgement that counts no more."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golive.alerts.models import State as Source
from golive.incidents import intake, moves, nudges, paging
from golive.incidents.models import Incident
from golive.incidents.staleness import Act, decide
from golive.notify.models import OutboxMessage
from golive.oncall.models import OnCall

T0 = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
M = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("quiet", "remind", "lapse", "fires", "wanted"),
    [
        (29, 30, 120, True, None),
        (30, 30, 120, True, (Act.REMIND, 1)),
        (59, 30, 120, True, (Act.REMIND, 1)),
        (61, 30, 120, True, (Act.REMIND, 2)),
        (120, 30, 120, True, (Act.LAPSE, 0)),
        (120, 30, 120, False, (Act.REMIND, 4)),  # nothing fires any more: nobody is paged again
        (500, 0, 0, True, None),
        (500, 0, 120, True, (Act.LAPSE, 0)),
        (-5, 30, 120, True, None),  # a machine's clock jumped back
    ],
)
def test_decide(quiet, remind, lapse, fires, wanted):
    found = decide(T0, remind * M, lapse * M, fires=fires, now=T0 + quiet * M)
    assert (found and (found.act, found.number)) == wanted


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 1000), st.integers(0, 1000))
def test_a_later_look_never_takes_a_reminder_back(remind, lapse, first, more):
    early = decide(T0, remind * M, lapse * M, fires=True, now=T0 + first * M)
    late = decide(T0, remind * M, lapse * M, fires=True, now=T0 + (first + more) * M)
    rank = [0 if one is None else 1e9 if one.act == Act.LAPSE else one.number for one in (early, late)]
    assert rank[0] <= rank[1]


@pytest.fixture
def taken(on_call, flip):
    """A critical incident that ada acknowledged just now and that still fires."""
    flip()
    intake.take_flips(timezone.now())
    paging.page_due(timezone.now())
    return moves.acknowledge(Incident.objects.get(), "ada@acme.example", timezone.now())


def reminders():
    return OutboxMessage.objects.filter(key__contains=":remind:")


@pytest.mark.django_db
def test_reminded_once_each_half_hour_until_a_sign_of_life(taken):
    now = taken.acknowledged_at
    assert [nudges.remind(now + minutes * M) for minutes in (29, 31, 32, 61)] == [0, 1, 0, 1]
    assert set(reminders().values_list("person", flat=True)) == {"ada@acme.example"}
    assert "pages start anew at" in reminders().first().text
    moves.note(taken, "ada@acme.example", now + 62 * M, "Still looking")
    assert [nudges.remind(now + minutes * M) for minutes in (70, 91, 93)] == [0, 0, 1]
    assert reminders().count() == 3


@pytest.mark.django_db
def test_a_silent_acknowledgement_counts_no_more_and_pages_start_anew(taken):
    later = taken.acknowledged_at + 121 * M
    assert nudges.remind(later) == 1
    taken.refresh_from_db()
    assert (taken.state, taken.paging_since) == ("detected", later)
    assert taken.acknowledged_at < later  # the clock of the first acknowledgement stands
    assert paging.page_due(later) == 1
    assert taken.pages.last().who == "ada@acme.example"
    moves.acknowledge(taken, "ben@acme.example", later + M)
    assert nudges.remind(later + 2 * M) == 0


@pytest.mark.django_db
def test_it_does_not_lapse_when_it_is_over_or_never_should(taken, flip):
    OnCall.objects.update(lapse=timedelta(0), remind=timedelta(0))
    assert nudges.remind(taken.acknowledged_at + 999 * M) == 0
    OnCall.objects.update(lapse=10 * M)
    taken.sources.update(state=Source.OK)
    assert nudges.remind(taken.acknowledged_at + 999 * M) == 0


@pytest.mark.django_db
def test_everybody_hears_once_of_a_page_that_nobody_takes_in_time(on_call, flip):
    flip()
    intake.take_flips(timezone.now())
    incident = Incident.objects.get()
    since = incident.paging_since
    assert [nudges.tell_overdue(since + minutes * M) for minutes in (14, 15, 16)] == [0, 1, 0]
    told = OutboxMessage.objects.filter(key__contains=":overdue:")
    assert set(told.values_list("person", flat=True)) == {"ada@acme.example", "ben@acme.example"}
    assert all("/a/" in one.text and "/z/" in one.text for one in told)  # links that act
    assert "within 15m" in incident.timeline.latest("id").text
    moves.snooze(incident, "ada@acme.example", since + 17 * M)
    incident.timeline.filter(text__contains="within 15m").delete()
    assert nudges.tell_overdue(since + 18 * M) == 0  # who snoozed it knows
