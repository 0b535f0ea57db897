"""Conversations from the first message to the last answer, over all three ways in."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.alerts.models import Flip
from golive.notify.channels.email import compose
from golive.notify.models import OutboxMessage
from golive.support import desk, tasks
from golive.support.desk import SupportError
from golive.support.door import inbox_for, take
from golive.support.letter import read
from golive.support.models import Conversation, Inbox, Said

from .test_letter import mail

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def to_customer() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(event="support.reply").order_by("pk"))


def test_a_mail_is_confirmed_answered_and_goes_on(inbox: Inbox) -> None:
    found = desk.take_letter(inbox, read(mail(Message_ID="<1@shop.example>")), NOW)
    assert (found.number, found.email, found.waiting_since) == (1, "cleo@shop.example", NOW)
    [confirmation] = to_customer()
    assert "answer within 8 hours" in confirmation.text
    told = OutboxMessage.objects.get(event="support.message")
    assert (told.recipient, found.link in told.text) == ("team@acme.example", True)

    desk.reply(found, "Try again now.", "ada@acme.example", NOW + timedelta(hours=1))
    found.refresh_from_db()
    assert (found.waiting_since, found.first_reply_at) == (None, NOW + timedelta(hours=1))
    sent = compose(to_customer()[-1], "alerts@acme.example").message()
    assert sent["From"] == "support@acme.example"
    assert sent["Subject"] == "Re: Help"
    assert sent["In-Reply-To"] == "<1@shop.example>"
    assert sent["Reply-To"] == f"support+{found.token}@acme.example"
    assert compose(to_customer()[0], "").message()["Auto-Submitted"] == "auto-generated"

    again = read(mail("Works, thank you.", In_Reply_To=sent["Message-ID"], Message_ID="<2@shop.example>"))
    assert desk.take_letter(inbox, again, NOW + timedelta(hours=2)) == found
    assert [one.text for one in found.said.all()] == ["It does not work.", "Try again now.", "Works, thank you."]
    assert len(to_customer()) == 2, "only the first message is confirmed"
    assert OutboxMessage.objects.filter(event="support.message", recipient="ada@acme.example").count() == 1


def test_an_answer_written_by_a_person_does_not_call_itself_automatic(inbox: Inbox) -> None:
    found = desk.take_letter(inbox, read(mail()), NOW)
    desk.reply(found, "Hello.", "ada@acme.example", NOW)
    assert "Auto-Submitted" not in compose(to_customer()[-1], "").message()


def test_the_same_mail_twice_counts_once(inbox: Inbox) -> None:
    letters = [read(mail(Message_ID="<1@shop.example>")) for _ in range(3)]
    assert len({desk.take_letter(inbox, letter, NOW).pk for letter in letters}) == 1
    assert Said.objects.count() == 1


def test_a_machine_gets_no_confirmation(inbox: Inbox) -> None:
    desk.take_letter(inbox, read(mail(Auto_Submitted="auto-replied")), NOW)
    assert to_customer() == []
    assert Conversation.objects.count() == 1


def test_closed_opens_again_when_the_customer_writes(inbox: Inbox) -> None:
    found = desk.take_form(inbox, email="c@d.example", name="Cleo", subject="Bill", text="Why?", now=NOW)
    desk.close(found, "ada", NOW)
    found.refresh_from_db()
    assert found.closed_at == NOW
    answer = read(mail("Still why?", To=f"support+{found.token}@acme.example"))
    desk.take_letter(inbox, answer, NOW + timedelta(days=1))
    found.refresh_from_db()
    assert (found.closed_at, found.waiting_since) == (None, NOW + timedelta(days=1))


@pytest.mark.parametrize("text", ["", "  \n", "\0", "x" * (desk.LONGEST_TEXT + 1)])
def test_nothing_to_say_is_refused(inbox: Inbox, text: str) -> None:
    found = desk.take_letter(inbox, read(mail()), NOW)
    with pytest.raises(SupportError):
        desk.reply(found, text, "ada", NOW)
    assert found.said.count() == 1


def test_who_waits_too_long_flips_once_and_recovers(inbox: Inbox) -> None:
    tasks.watch(NOW)
    found = desk.take_letter(inbox, read(mail()), NOW)
    for hours in (1, 8, 9, 10):
        tasks.watch(NOW + timedelta(hours=hours))
    desk.reply(found, "Sorry.", "ada", NOW + timedelta(hours=11))
    for hours in (11, 12):
        tasks.watch(NOW + timedelta(hours=hours))
    flips = list(Flip.objects.order_by("pk"))
    assert [(flip.old, flip.new) for flip in flips] == [("ok", "firing"), ("firing", "ok")]
    assert flips[0].began_at == NOW + timedelta(hours=8)
    assert "waits for 9h; the target is 8h" in flips[0].reason


@pytest.mark.parametrize(
    ("recipient", "known"),
    [
        ("support@acme.example", True),
        ("Support+abc@ACME.example", True),
        ("other@acme.example", False),
        ("support@evil.example", False),
        ("", False),
    ],
)
def test_only_addresses_of_inboxes_are_taken(inbox: Inbox, recipient: str, known: bool) -> None:
    assert (inbox_for(recipient) == inbox) is known


def test_the_door_answers_in_smtp(inbox: Inbox) -> None:
    assert take(["support@acme.example"], mail(Message_ID="<1@x>")).startswith("250")
    assert take(["support@acme.example"], b"").startswith("554")
    assert Conversation.objects.count() == 1
