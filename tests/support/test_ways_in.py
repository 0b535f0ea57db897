"""The form, the chat and the console as their users meet them."""

import base64
import json
import smtplib
import time
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from golive.people import tokens
from golive.people.models import Project, Role, User
from golive.sandbox.servers import free_port
from golive.support import chat, desk, pages
from golive.support.door import Door
from golive.support.identity import sign
from golive.support.models import Conversation, Direction, Inbox

from .conftest import SECRET
from .test_letter import mail

GIVEN = {"email": "cleo@shop.example", "name": "Cleo", "subject": "Bill", "text": "<b>Why</b> so much?"}


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    pages.writes.counts.clear()
    chat.tries.counts.clear()


def test_a_stranger_writes_by_the_form(inbox: Inbox) -> None:
    page = Client().get("/support/acme/").content.decode()
    assert "answers within 8 hours" in page
    assert "support@acme.example" in page
    sent = Client().post("/support/acme/", GIVEN).content.decode()
    assert "number 1" in sent
    found = Conversation.objects.get()
    assert (found.email, found.channel, found.said.get().text) == ("cleo@shop.example", "form", "<b>Why</b> so much?")


@pytest.mark.parametrize(
    ("change", "status"),
    [({"email": "nobody"}, 422), ({"text": ""}, 422), ({"subject": "x" * 201}, 422), ({"website": "spam"}, 200)],
)
def test_what_is_not_a_message_is_not_kept(inbox: Inbox, change: dict[str, str], status: int) -> None:
    assert Client().post("/support/acme/", GIVEN | change).status_code == status
    assert Conversation.objects.count() == 0


def test_the_form_is_limited_and_can_be_closed(inbox: Inbox) -> None:
    answers = [Client().post("/support/acme/", GIVEN) for _ in range(pages.writes.limit + 1)]
    assert answers[-1].status_code == 429
    assert answers[-1]["Retry-After"] == "60"
    assert Conversation.objects.count() == pages.writes.limit
    Inbox.objects.update(form=False)
    assert Client().get("/support/acme/").status_code == 404


def test_the_form_asks_for_its_own_token(inbox: Inbox) -> None:
    assert Client(enforce_csrf_checks=True).post("/support/acme/", GIVEN).status_code == 403


def identity(plan: str = "pro") -> dict[str, str]:
    told = {"email": "cleo@shop.example", "name": "Cleo", "plan": plan, "expires": int(time.time()) + 600}
    payload = base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
    return {"payload": payload, "signature": sign(payload, SECRET)}


def post(path: str, body: Any, session: str = "") -> Any:
    headers = {"Authorization": f"Bearer {session}"} if session else {}
    return Client(headers=headers).post(path, json.dumps(body), content_type="application/json")


def test_a_chat_from_hello_to_the_answer(inbox: Inbox) -> None:
    begun = post("/support/acme/chat/", identity())
    assert begun["Access-Control-Allow-Origin"] == "https://acme.example"
    session = begun.json()["session"]
    path = "/support/acme/chat/messages/"
    [mine] = post(path, {"text": "Hello?"}, session).json()["messages"]
    assert (mine["text"], mine["mine"]) == ("Hello?", True)
    found = Conversation.objects.get()
    desk.note(found, "a big customer", "ada", timezone.now())
    desk.reply(found, "Hello Cleo.", "ada", timezone.now())
    heard = Client(headers={"Authorization": f"Bearer {session}"}).get(f"{path}?after={mine['id']}").json()["messages"]
    assert [(one["text"], one["mine"]) for one in heard] == [("Hello Cleo.", False)], "notes stay among us"
    assert post("/support/acme/chat/", identity()).json()["messages"][-1]["text"] == "Hello Cleo."
    assert Conversation.objects.count() == 1
    desk.close(found, "ada", timezone.now())
    assert post(path, {"text": "More"}, session).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 403),
        ([], 400),
        ("text", 400),
        (identity("free"), 403),
        (identity() | {"signature": "0" * 64}, 403),
        ({"payload": 1, "signature": None}, 403),
    ],
)
def test_others_do_not_chat(inbox: Inbox, body: Any, status: int) -> None:
    answer = post("/support/acme/chat/", body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert Conversation.objects.count() == 0


@pytest.mark.parametrize("session", ["", "x", "eyJjIjoiMCJ9:1:x"])
def test_a_chat_needs_its_session(inbox: Inbox, session: str) -> None:
    assert post("/support/acme/chat/messages/", {"text": "hi"}, session).status_code == 401


def test_a_session_of_one_project_opens_no_other(inbox: Inbox) -> None:
    session = post("/support/acme/chat/", identity()).json()["session"]
    Project.objects.create(slug="other", name="Other")
    assert post("/support/other/chat/messages/", {"text": "hi"}, session).status_code == 404


def test_the_team_answers_on_the_console(ada: Client, inbox: Inbox) -> None:
    desk.take_form(inbox, email="c@d.example", name="Cleo", subject="Bill", text="<i>Why?</i>", now=timezone.now())
    assert "1 customer waits for an answer" in ada.get("/p/acme/support/").content.decode()
    page = ada.get("/p/acme/support/1/").content.decode()
    assert "&lt;i&gt;Why?&lt;/i&gt;" in page
    assert "It goes by mail to c@d.example." in page
    ada.post("/p/acme/support/1/act/", {"do": "note", "text": "asks each month"})
    ada.post("/p/acme/support/1/act/", {"do": "reply", "text": "Because."})
    ada.post("/p/acme/support/1/act/", {"do": "close"})
    found = Conversation.objects.get()
    assert [one.direction for one in found.said.all()] == [Direction.IN, Direction.NOTE, Direction.OUT]
    assert (found.assignee, found.waiting_since) == ("ada@acme.example", None)
    assert found.closed_at is not None
    assert "Every customer has an answer" in ada.get("/p/acme/support/").content.decode()


def test_viewers_do_not_read_customers_mail(ada: Client, inbox: Inbox) -> None:
    desk.take_form(inbox, email="c@d.example", name="", subject="Bill", text="Why?", now=timezone.now())
    User.objects.update(role=Role.VIEWER)
    for path in ("/p/acme/support/", "/p/acme/support/1/"):
        assert ada.get(path).status_code == 403
    assert ada.post("/p/acme/support/1/act/", {"do": "reply", "text": "x"}).status_code == 403
    assert Client().get("/p/acme/support/").status_code == 302


def test_mail_is_handed_in_over_the_api(inbox: Inbox) -> None:
    token = tokens.create("mail", ["support:write"])[1]
    client = Client(headers={"Authorization": f"Bearer {token}"})
    path = "/api/v1/projects/acme/support/mail"
    made = client.post(path, mail(Message_ID="<1@x>"), content_type="message/rfc822")
    assert (made.status_code, made.json()["number"]) == (202, 1)
    assert client.post(path, b"junk", content_type="message/rfc822").status_code == 422
    whole = client.get("/api/v1/projects/acme/support/conversations/1").json()
    assert [one["text"] for one in whole["said"]] == ["It does not work."]
    answered = client.post(
        "/api/v1/projects/acme/support/conversations/1/replies", {"text": "Now?"}, content_type="application/json"
    )
    assert answered.status_code == 201
    waiting = client.get("/api/v1/projects/acme/support/conversations?waiting=true").json()
    assert waiting["items"] == []


@pytest.mark.django_db(transaction=True)
def test_mail_comes_in_by_smtp(inbox: Inbox) -> None:
    with Door("127.0.0.1", free_port()) as door, smtplib.SMTP(*door.address, timeout=10) as sender:
        sender.sendmail("cleo@shop.example", ["support@acme.example"], mail(Message_ID="<1@x>"))
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            sender.sendmail("cleo@shop.example", ["else@acme.example"], mail())
        with pytest.raises(smtplib.SMTPDataError):
            sender.sendmail("cleo@shop.example", ["support@acme.example"], b"From: nobody\r\n\r\n")
    assert Conversation.objects.get().said.get().text == "It does not work."
