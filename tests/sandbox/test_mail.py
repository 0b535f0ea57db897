"""The mail sink takes real SMTP, keeps what it took, and gives it back by API and page."""

import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from golive.sandbox.mail import MailSink
from golive.sandbox.mail.mailbox import extract_links


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    with MailSink(tmp_path / "mail") as running:
        yield running


def send(sink: MailSink, to: str, subject: str = "Hello", text: str = "Hi", html: str = "") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "acme@example.com", to, subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", sink.smtp_port) as client:
        client.send_message(message)


def test_a_message_comes_back_whole(sink: MailSink) -> None:
    send(
        sink,
        "zoë@example.com".replace("ë", "e"),
        "Bestätigung ✓",
        "Confirm: https://acme.example/verify?t=a&b=c.",
        '<a href="https://acme.example/verify?t=a&amp;b=c">Go</a> <a href="https://acme.example/help">Help</a>',
    )
    found = httpx.get(f"{sink.url}/api/messages", params={"to": "zoe@"}).json()
    assert found["total"] == 1
    full = httpx.get(f"{sink.url}/api/messages/{found['messages'][0]['id']}").json()
    assert full["subject"] == "Bestätigung ✓"
    assert full["links"] == ["https://acme.example/verify?t=a&b=c", "https://acme.example/help"]
    assert full["from"] == "acme@example.com"
    raw = httpx.get(f"{sink.url}/api/messages/{full['id']}/raw")
    assert raw.headers["content-type"] == "message/rfc822"
    assert b"Delivered-To: zoe@example.com" in raw.content


def test_search_narrows_and_the_newest_is_first(sink: MailSink) -> None:
    for number in range(3):
        send(sink, f"user{number}@example.com", f"Mail {number}", f"body {number}")
    subjects = [m["subject"] for m in httpx.get(f"{sink.url}/api/messages?limit=2").json()["messages"]]
    assert subjects == ["Mail 2", "Mail 1"]
    assert [m.subject for m in sink.mailbox.messages(text="BODY 1")] == ["Mail 1"]
    assert sink.mailbox.messages(to="user0", subject="mail 2") == []


def test_pages_escape_what_strangers_wrote(sink: MailSink) -> None:
    send(sink, "a@example.com", "<script>alert(1)</script>", "x", "<script>alert(2)</script>")
    ident = sink.wait_for(to="a@example.com").id
    for path in ("/", f"/messages/{ident}"):
        answer = httpx.get(sink.url + path)
        assert answer.status_code == 200
        assert "<script>" not in answer.text
    assert httpx.get(f"{sink.url}/messages/none").status_code == 404


@pytest.mark.parametrize("code", [451, 550])
def test_refusing_is_temporary_or_final_as_told(sink: MailSink, code: int) -> None:
    assert httpx.put(f"{sink.url}/api/refusal", json={"code": code, "remaining": 1}).status_code == 200
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(sink, "a@example.com")
    assert refused.value.smtp_code == code
    send(sink, "a@example.com")
    assert (len(sink.mailbox), sink.door.refused) == (1, 1)


def test_a_wrong_refusal_is_explained(sink: MailSink) -> None:
    answer = httpx.put(f"{sink.url}/api/refusal", json={"code": 250})
    assert answer.status_code == 400
    assert "4xx" in answer.json()["error"]
    send(sink, "a@example.com")


def test_messages_outlive_a_restart_and_the_oldest_go_first(tmp_path: Path) -> None:
    with MailSink(tmp_path) as first:
        send(first, "a@example.com", "kept")
    with MailSink(tmp_path) as second:
        assert second.wait_for(to="a@example.com").subject == "kept"
        second.mailbox._keep = 1
        send(second, "b@example.com", "newer")
        assert [m.subject for m in second.mailbox.messages()] == ["newer"]
        assert httpx.delete(f"{second.url}/api/messages").json() == {"deleted": 1}
    assert list(tmp_path.glob("*.eml")) == []


def test_waiting_in_vain_names_what_arrived(sink: MailSink) -> None:
    send(sink, "a@example.com", "something else")
    with pytest.raises(TimeoutError, match="something else"):
        sink.wait_for(to="b@example.com", seconds=0.1)


@pytest.mark.parametrize(
    ("text", "html", "links"),
    [
        ("see https://a.example/x, and (https://b.example).", "", ["https://a.example/x", "https://b.example"]),
        ("", "<a href='https://a.example/?a=1&amp;b=2'>", ["https://a.example/?a=1&b=2"]),
        ("https://a.example", '<a href="https://a.example">', ["https://a.example"]),
        ("mailto:a@example.com", '<a href="#top">', []),
    ],
)
def test_links(text: str, html: str, links: list[str]) -> None:
    assert extract_links(text, html) == links


def test_command_serves_and_stops_on_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "golive.sandbox.mail", "--folder", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split(" · ")[1].strip()
        assert httpx.get(f"{url}/healthz").json() == {"ok": True}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
