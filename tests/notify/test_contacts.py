"""How a person is told: by urgency, in their order, with delays, quiet hours and what takes over."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from golive.notify import outbox, reach
from golive.notify.channels import DeliveryError
from golive.notify.contacts import Quiet, Way, plan
from golive.notify.models import Contact, Delivery, OutboxMessage, QuietHours, Urgency
from golive.notify.outbox import Content
from golive.notify.route import to_person
from golive.people.models import Project

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
M = timedelta(minutes=1)
MAIL = Way("email", "ada@x.io", True, True)
PUSH = Way("push", "contact:1", True, False)
CALL = Way("apprise", "contact:2", True, False, 3 * M)
NIGHT = Quiet(time(22), time(7), ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("ways", "urgent", "quiet", "expected"),
    [
        ([MAIL], True, None, [("email", 0, [])]),
        ([PUSH, MAIL, CALL], True, None, [("push", 0, []), ("email", 0, []), ("apprise", 3, [])]),
        ([PUSH, MAIL, CALL], True, NIGHT, [("push", 0, []), ("email", 0, []), ("apprise", 3, [])]),
        ([PUSH, MAIL], False, None, [("email", 0, ["push"])]),
        ([PUSH, MAIL], False, NIGHT, [("email", 180, ["push"])]),  # 07:00 in Berlin is 06:00 UTC
        ([PUSH], False, None, [("push", 0, [])]),  # no way is marked for it: better that than none
    ],
)
def test_plan(ways, urgent, quiet, expected):
    sends = plan(ways, quiet, urgent=urgent, now=NOW)
    told = [(one.channel, (one.not_before - NOW) / M, [way for way, _ in one.fallback]) for one in sends]
    assert told == expected


@pytest.mark.parametrize(
    ("hour", "ends"), [(20, None), (21, 6 + 24), (23, 6 + 24), (3, 6), (6, None), (5.9, 6)]
)  # UTC hours against 22 to 7 in Berlin
def test_quiet_hours(hour, ends):
    day = datetime(2026, 11, 24, tzinfo=UTC)
    found = NIGHT.ends(day + timedelta(hours=hour))
    assert found == (None if ends is None else day + timedelta(hours=ends))


@pytest.fixture
def project(db):
    return Project.objects.create(slug="acme", name="acme")


def test_pages_by_contacts_are_withdrawn_together(project, tmp_path, monkeypatch):
    monkeypatch.setenv("GOLIVE_DATA", str(tmp_path))
    Contact.objects.create(person="ada@x.io", channel="email", label="mail", address="ada@x.io", normal=True)
    kept = reach.keep("ada@x.io", "apprise", "phone", "json://127.0.0.1/secret", after=5 * M)
    assert "secret" not in kept.sealed
    first = to_person(project, "ada@x.io", Content("down", "x"), key="k:page:1", urgency=Urgency.HIGH, about="k")
    delayed = OutboxMessage.objects.exclude(pk=first.pk).get()
    assert (first.channel, delayed.recipient, delayed.person) == ("email", f"contact:{kept.pk}", "ada@x.io")
    assert delayed.next_attempt_at > delayed.created_at + 4 * M
    assert outbox.due(timezone.now(), 9) == [first]
    assert outbox.withdraw("k", "k:page:") == 2
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {Delivery.WITHDRAWN}
    assert not outbox.due(timezone.now() + 60 * M, 9)
    assert reach.opened(delayed.recipient) == "json://127.0.0.1/secret"
    kept.delete()
    with pytest.raises(DeliveryError, match="removed"):
        reach.opened(delayed.recipient)


def test_quiet_hours_hold_what_can_wait(project):
    QuietHours.objects.create(person="ada@x.io", since=time(0), until=time(23, 59, 59), zone="UTC")
    held = to_person(project, "ada@x.io", Content("a", "x"), key="a", urgency=Urgency.NORMAL)
    page = to_person(project, "ada@x.io", Content("b", "x"), key="b", urgency=Urgency.HIGH)
    assert held.next_attempt_at > held.created_at
    assert page.next_attempt_at == page.created_at
