"""The canary mailbox, over a small IMAP server that speaks what is asked of it."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from golive.readiness.asking import Site
from golive.readiness.canary import CanarySettings, examine, mailbox
from golive.readiness.planted import LOOPBACK
from golive.readiness.refusals import FormSettings
from golive.readiness.verdict import CannotTell
from golive.sandbox.hosting import Hosted

BELIEVED = "mx.example; spf=pass smtp.mailfrom=a.example; dkim=pass header.d=a.example; dmarc=pass"
FORM = FormSettings(path="/forgot", fields={"email": "{{email}}"})
WANTED = CanarySettings(address="canary@mail.example", form=FORM, within=timedelta(seconds=10))


@contextmanager
def imap(mails: list[str]) -> Iterator[str]:
    """LOGIN, EXAMINE, SEARCH HEADER To and FETCH of headers, as RFC 3501 has them; its address."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK IMAP4rev1 ready\r\n")
            while line := self.rfile.readline().decode().strip():
                tag, _, order = line.partition(" ")
                word = order.split()[0].upper()
                done = "OK done"
                if word == "CAPABILITY":
                    self.say("* CAPABILITY IMAP4rev1")
                elif word == "LOGIN":
                    done = "OK in" if "right" in order else "NO wrong"
                elif word == "EXAMINE":
                    self.say(f"* {len(mails)} EXISTS")
                elif word == "SEARCH":
                    wanted = order.rpartition('"')[0].rpartition('"')[2]
                    hits = [str(n) for n, mail in enumerate(mails, 1) if wanted in mail]
                    self.say(f"* SEARCH {' '.join(hits)}".rstrip())
                elif word == "FETCH":
                    raw = mails[int(order.split()[1]) - 1].encode()
                    self.wfile.write(b"* 1 FETCH (BODY[HEADER] {%d}\r\n%s)\r\n" % (len(raw), raw))
                elif word == "LOGOUT":
                    self.say("* BYE")
                self.say(f"{tag} {done}")

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def product(mails: list[str], believed: str) -> Starlette:
    async def forgot(request: Request) -> Response:
        if request.method == "POST":
            to = parse_qs((await request.body()).decode())["email"][0]
            head = f"Authentication-Results: {believed}\r\n" if believed else ""
            mails.append(f"{head}To: {to}\r\nSubject: Your link\r\n\r\n")
        return HTMLResponse("<form></form>")

    return Starlette(routes=[Route("/forgot", forgot, methods=["GET", "POST"])])


@pytest.mark.parametrize(
    ("believed", "subjects", "doubts"),
    [
        (BELIEVED, [], 0),
        (BELIEVED.replace("dkim=pass", "dkim=fail"), ["canary dkim"], 0),
        (BELIEVED.replace("dmarc=pass", ""), ["canary dmarc"], 0),
        ("", [], 1),
    ],
)
def test_the_receiver_says_what_it_believes(believed: str, subjects: list[str], doubts: int) -> None:
    mails = ["To: somebody@else.example\r\n\r\n"]
    with imap(mails) as address, Hosted(product(mails, believed)) as hosted:
        site = Site(hosted.url, policy=LOOPBACK)
        report = examine(site, WANTED, mailbox(f"imap://canary:right@{address}"))
    assert [finding.subject for finding in report.findings] == subjects
    assert len(report.doubts) == doubts


def test_a_mail_that_does_not_arrive_convicts() -> None:
    with imap([]) as address, Hosted(product([], "")) as hosted:
        wanted = WANTED.model_copy(update={"within": timedelta(seconds=1)})
        report = examine(Site(hosted.url, policy=LOOPBACK), wanted, mailbox(f"imap://canary:right@{address}"))
    assert [finding.subject for finding in report.findings] == ["canary"]


@pytest.mark.parametrize("url", ["imap://canary:wrong@{}", "imap://127.0.0.1:9", "https://mail.example"])
def test_a_mailbox_that_does_not_open_tells_nothing_and_shows_no_password(url: str) -> None:
    with imap([]) as address, Hosted(product([], "")) as hosted, pytest.raises(CannotTell) as raised:
        examine(Site(hosted.url, policy=LOOPBACK), WANTED, mailbox(url.format(address)))
    assert "wrong" not in repr(raised.value)
