"""Channels against real receivers: SMTP that is down, refuses, comes back; signed webhooks; Apprise."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from django.utils import timezone

from golive.notify import outbox, trial
from golive.notify.channels.email import MailServer
from golive.notify.delivery import deliver_due
from golive.notify.models import Channels, Delivery, OutboxMessage, Urgency
from golive.notify.outbox import Content
from golive.notify.route import to_channels, to_person
from golive.notify.signature import default_secret
from golive.people.models import Project
from golive.sandbox.servers import free_port
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db
NEWS = Content("Down", "It is down", "<p>It is down</p>", "incident.detected", {"number": 1})


class Mailroom:
    """Keeps mail; refuses the addressee "gone@"."""

    def __init__(self) -> None:
        self.mails = []

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if address.startswith("gone@"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="acme", name="acme")


@pytest.fixture
def smtp(project) -> Controller:
    """A server that is down until the test starts it."""
    controller = Controller(Mailroom(), hostname="127.0.0.1", port=free_port())
    Channels.objects.create(project=project, email=f"smtp://127.0.0.1:{controller.port}", sender="golive@acme.example")
    return controller


@pytest.fixture
def receiver(monkeypatch) -> Iterator[Receiver]:
    monkeypatch.setenv("GOLIVE_ALLOW_PRIVATE", "127.0.0.0/8")
    with receiving() as made:
        yield made


def due_again() -> None:
    OutboxMessage.objects.filter(state=Delivery.FAILED).update(next_attempt_at=timezone.now())


def test_a_page_waits_for_the_mail_server_and_keeps_its_identity(project, smtp):
    message = to_person(project, "ada@acme.example", NEWS, key="k", urgency=Urgency.HIGH, about="incident:1")
    for _ in range(3):
        deliver_due()
        due_again()
    message.refresh_from_db()
    assert (message.state, message.tries) == (Delivery.FAILED, 3)
    assert "refused" in message.last_error
    smtp.start()
    try:
        deliver_due()
    finally:
        smtp.stop()
    (mail,) = smtp.handler.mails
    message.refresh_from_db()
    assert message.state == Delivery.SENT
    assert mail["Message-ID"] == message.message_id
    assert mail["Importance"] == "high"
    assert mail.get_body(("html",)).get_content().strip() == "<p>It is down</p>"
    assert [attempt.outcome for attempt in message.attempts.all()] == ["failed"] * 3 + ["sent"]


def test_a_refused_addressee_is_given_up_at_once(project, smtp):
    to_person(project, "gone@acme.example", NEWS, key="k", urgency=Urgency.HIGH)
    smtp.start()
    try:
        deliver_due()
    finally:
        smtp.stop()
    message = OutboxMessage.objects.get()
    assert message.state == Delivery.DEAD
    assert "550 no such person" in message.last_error


def test_the_fallback_is_told_when_mail_does_not_get_through(project, smtp, receiver, monkeypatch):
    monkeypatch.setenv("CHAT", f"json://127.0.0.1:{receiver.server_port}/")
    Channels.objects.update(apprise=["env:CHAT"])
    to_person(project, "ada@acme.example", NEWS, key="k", urgency=Urgency.HIGH)
    for _ in range(4):
        deliver_due()
        due_again()
    mail, chat = OutboxMessage.objects.order_by("id")
    assert (mail.state, chat.state, chat.channel) == (Delivery.FAILED, Delivery.SENT, "apprise")
    assert json.loads(receiver.got[0].body)["title"] == "Down"


def test_webhooks_are_signed_by_the_standard_scheme(project, receiver, monkeypatch):
    monkeypatch.setenv("HOOK", f"{receiver.url}/alert")
    Channels.objects.create(project=project, webhooks=[{"url": "env:HOOK", "secret": ""}])
    (message,) = to_channels(project, NEWS, key="k", urgency=Urgency.NORMAL)
    receiver.answer = 503
    deliver_due()
    receiver.answer = 204
    due_again()
    deliver_due()
    first, second = receiver.got
    headers, body = second.headers, second.body
    assert first.headers["webhook-id"] == headers["webhook-id"] == message.key
    key = base64.b64decode(default_secret("acme").removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert json.loads(body)["type"] == "incident.detected"


@pytest.mark.parametrize(("answer", "state"), [(410, Delivery.DEAD), (500, Delivery.FAILED), (302, Delivery.FAILED)])
def test_answers_of_webhooks(project, receiver, monkeypatch, answer, state):
    monkeypatch.setenv("HOOK", f"{receiver.url}/alert")
    Channels.objects.create(project=project, webhooks=[{"url": "env:HOOK", "secret": ""}])
    to_channels(project, NEWS, key="k", urgency=Urgency.NORMAL)
    receiver.answer = answer
    deliver_due()
    assert OutboxMessage.objects.get().state == state


def test_a_webhook_into_the_private_network_is_refused(project, receiver, monkeypatch):
    monkeypatch.delenv("GOLIVE_ALLOW_PRIVATE")
    hook = f"{receiver.url}/alert"
    Channels.objects.create(project=project, webhooks=[{"url": hook, "secret": ""}])
    to_channels(project, NEWS, key="k", urgency=Urgency.NORMAL)
    deliver_due()
    assert receiver.got == []
    assert OutboxMessage.objects.get().state == Delivery.FAILED


def test_the_same_key_is_one_message(project, smtp):
    first, second = (to_person(project, "a@acme.example", NEWS, key="k", urgency=Urgency.HIGH) for _ in range(2))
    assert first.pk == second.pk


def test_a_lease_that_ran_out_is_taken_over(project, smtp):
    message = to_person(project, "a@acme.example", NEWS, key="k", urgency=Urgency.HIGH)
    now = timezone.now()
    outbox.claim(message, "elsewhere:1:2.00", now)
    assert outbox.due(now + timedelta(seconds=10), 5) == []
    (left,) = outbox.due(now + outbox.LEASE + timedelta(seconds=1), 5)
    second = outbox.claim(left, "here:3:4.00", now + outbox.LEASE + timedelta(seconds=1))
    assert (second.number, message.attempts.get(number=1).outcome) == (2, "lost")


def test_trials_reach_every_channel(project, smtp):
    Channels.objects.update(webhooks=[{"url": "env:A", "secret": ""}], apprise=["env:B"])
    sent = trial.enqueue(project, "cli", timezone.now(), to="ada@acme.example")
    assert [message.channel for message in sent] == ["webhook", "apprise", "email"]


@pytest.mark.parametrize(
    ("url", "port", "starttls", "tls"),
    [
        ("smtp://127.0.0.1:2525", 2525, False, False),
        ("smtp://u:p@localhost", 25, False, False),
        ("smtp://u:p@mail.example", 587, True, False),
        ("smtp+starttls://mail.example", 587, True, False),
        ("smtps://u:p@mail.example", 465, False, True),
    ],
)
def test_mail_servers(url, port, starttls, tls):
    server = MailServer.from_url(url)
    assert (server.port, server.starttls, server.tls) == (port, starttls, tls)


@pytest.mark.parametrize("url", ["smtp://u:hunter2/x@mail.example", "smtp://u:p@mail.example:hunter2", "hunter2"])
def test_a_broken_mail_server_is_refused_without_its_password(url):
    with pytest.raises(ValueError, match="write the mail server like") as refused:
        MailServer.from_url(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["https:///hunter2", "https://chat.example:port/hunter2"])
def test_a_broken_webhook_is_told_by_its_reference_only(project, monkeypatch, url):
    monkeypatch.setenv("HOOK", url)
    Channels.objects.create(project=project, webhooks=[{"url": "env:HOOK", "secret": ""}])
    to_channels(project, NEWS, key="k", urgency=Urgency.NORMAL)
    deliver_due()
    told = OutboxMessage.objects.get().last_error
    assert "env:HOOK" in told
    assert "hunter2" not in told
