"""Mail from customers: who, what, which conversation, and whether a machine wrote it."""

import contextlib
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive.support.letter import LARGEST_BYTES, LetterError, newest, read

TOKEN = "0123456789abcdef01234567"


def mail(body: str = "It does not work.", **headers: str) -> bytes:
    made = EmailMessage()
    for name, value in {"From": "Cleo <Cleo@shop.example>", "To": "support@acme.example", "Subject": "Help"}.items():
        made[name] = headers.pop(name, value)
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made.as_bytes()


def test_who_and_what() -> None:
    found = read(mail(Message_ID="<1@shop.example>"))
    assert (found.sender, found.name, found.subject) == ("cleo@shop.example", "Cleo", "Help")
    assert (found.text, found.message_id, found.token) == ("It does not work.", "<1@shop.example>", "")
    assert found.author == "Cleo <cleo@shop.example>"
    assert not found.automatic


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"In_Reply_To": f"<{TOKEN}.7.support@golive.example>"}, TOKEN),
        ({"References": f"<a@b> <{TOKEN}.0.support@golive.example> <c@d>"}, TOKEN),
        ({"To": f"Support <support+{TOKEN}@acme.example>"}, TOKEN),
        ({"Cc": f"SUPPORT+{TOKEN.upper()}@acme.example"}, TOKEN),
        ({"In_Reply_To": "<something.else@golive.example>"}, ""),
        ({"To": "support+short@acme.example"}, ""),
    ],
)
def test_which_conversation(headers: dict[str, str], token: str) -> None:
    assert read(mail(**headers)).token == token


@pytest.mark.parametrize(
    ("headers", "automatic"),
    [
        ({}, False),
        ({"Auto_Submitted": "no"}, False),
        ({"Auto_Submitted": "auto-replied"}, True),
        ({"Precedence": "bulk"}, True),
        ({"List_Id": "<list.example>"}, True),
        ({"Return_Path": "<>"}, True),
    ],
)
def test_machines_are_known(headers: dict[str, str], automatic: bool) -> None:
    assert read(mail(**headers)).automatic == automatic


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("New.\n\nOn Monday, Ada wrote:\n> old\n> older", "New."),
        ("New.\n> old", "New."),
        ("Neu.\nAm Montag schrieb Ada:\n> alt", "Neu."),
        ("> only a quote", "> only a quote"),
        ("On time is how we like it.\nBye", "On time is how we like it.\nBye"),
        ("New.\n-----Original Message-----\nold", "New."),
    ],
)
def test_only_what_is_new_is_shown(text: str, kept: str) -> None:
    assert newest(text) == kept


def test_html_alone_becomes_text_and_attachments_are_named() -> None:
    made = EmailMessage()
    made["From"] = "cleo@shop.example"
    made.set_content("<style>p{}</style><p>It <b>burns</b></p><script>x()</script>", subtype="html")
    made.add_attachment(b"1234", maintype="image", subtype="png", filename="shot.png")
    found = read(made.as_bytes())
    assert " ".join(found.text.split()) == "It burns"
    assert found.attachments == (("shot.png", 4),)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header at all",
        mail(From=""),
        b"From: a@b\r\n\r\n",
        b"x" * (LARGEST_BYTES + 1),
    ],
)
def test_what_cannot_be_answered_is_refused(raw: bytes) -> None:
    with pytest.raises(LetterError):
        read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b\r\nContent-Type: text/plain; charset=no-such\r\n\r\n\xff\xfeabc",
        b"From: a@b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\ncut off",
        b"From: =?utf-8?q?=FF?= <a@b>\r\nSubject: =?x?y?z?=\r\n\r\nhello\0there",
        b"From: a@b\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%not base64%%%",
    ],
)
def test_broken_mail_is_read_as_far_as_it_goes(raw: bytes) -> None:
    found = read(raw)
    assert found.sender == "a@b"
    assert "\0" not in found.text


@given(st.binary(max_size=400))
def test_anything_is_read_or_refused(junk: bytes) -> None:
    with contextlib.suppress(LetterError):
        read(b"From: a@b\r\n" + junk)


def test_a_mail_without_an_id_is_known_by_its_content() -> None:
    assert read(mail()).message_id == read(mail()).message_id != read(mail("Other words.")).message_id
