"""Support channel: a message with a nonce arrives where a person reads it, within its target."""

import secrets
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from golive.config.values import Duration
from golive.readiness.asking import Ask, Site, until
from golive.readiness.inputs import of_target
from golive.readiness.item import Area, Item, Subject, command_environment
from golive.readiness.items.legal import read
from golive.readiness.items.limits import LimitSettings, opened
from golive.readiness.planted import planted
from golive.readiness.programs import run
from golive.readiness.verdict import CannotTell, Control, Report

Arrived = Callable[[str], bool]


class SupportSettings(BaseModel):
    """The support channel."""

    model_config = ConfigDict(extra="forbid")
    page: str = "/support"
    """Where people find help; linked from the front page."""
    form: str = ""
    """The page with the form, where it is another."""
    fields: dict[str, str] = {}
    """The form's fields; {{message}} is the message with the nonce, {{email}} an address."""
    arrived: list[str] = []
    """A program that prints 1 when the message with $GOLIVE_NONCE is where your people read it, else 0."""
    within: Duration = timedelta(minutes=2)
    """How long it may take."""


def examine_site(site: Site, wanted: SupportSettings, arrived: Arrived) -> Report:
    """The page is there and linked, and what is written there arrives."""
    report = Report(expected=3)
    front, page = site.all([Ask("/"), Ask(wanted.page)])
    if front is not None:
        report.examined += 1
        if not any(link == wanted.page or link.endswith(wanted.page) for link in read(front.body).links):
            report.convict("link", f"the front page does not link to {wanted.page}")
    if page is not None:
        report.examined += 1
        if page.status != 200:
            report.convict(wanted.page, f"answers {page.status}: nobody finds help there")
            report.examined = report.expected
            return report
    nonce = f"golive{secrets.token_hex(6)}"
    filled = {
        name: value.replace("{{message}}", f"Test of the support channel {nonce}, please ignore").replace(
            "{{email}}", f"{nonce}@probe.example"
        )
        for name, value in wanted.fields.items()
    }
    path = wanted.form or wanted.page
    form = opened(site, "support", LimitSettings(path=path, form=path))
    headers = {"Content-Type": "application/x-www-form-urlencoded"} | ({"Cookie": form.cookie} if form.cookie else {})
    answer = site.ask(Ask(path, "POST", headers, urlencode({**form.hidden, **filled}).encode()))
    report.exchanges = list(site.exchanges)
    if answer is None:
        report.doubt("form", f"{path} did not answer the message")
        return report
    report.examined += 1
    if answer.status >= 400:
        report.convict("form", f"a message is refused with {answer.status}")
    elif not until(lambda: arrived(nonce), wanted.within, every=0.5):
        report.convict("message", f"a message that was sent did not arrive within {wanted.within}")
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("support", SupportSettings)
    if not wanted.fields or not wanted.arrived:
        raise CannotTell(
            "support",
            "how a message is sent and where it arrives is not declared",
            "set [readiness.support] fields, arrived",
        )
    folder = subject.folder()

    def arrived(nonce: str) -> bool:
        return run(wanted.arrived, folder, command_environment(subject, GOLIVE_NONCE=nonce)).strip() not in ("", "0")

    return examine_site(subject.site(), wanted, arrived)


def _planted(name: str, bad: bool, *, keeps: bool = True, linked: bool = True) -> Control:
    with tempfile.TemporaryDirectory(prefix="golive-planted-") as folder:
        inbox = Path(folder) / "inbox"

        async def front(request: Request) -> Response:
            return HTMLResponse('<a href="/support">Help</a>' if linked else "")

        async def support(request: Request) -> Response:
            if request.method == "POST" and keeps:
                inbox.write_bytes(await request.body())
            return HTMLResponse('<form><input type="hidden" name="t" value="1"></form>')

        app = Starlette(routes=[Route("/", front), Route("/support", support, methods=["GET", "POST"])])
        wanted = SupportSettings(fields={"text": "{{message}}"}, within=timedelta(seconds=1))
        return planted(
            name,
            bad,
            app,
            lambda site: examine_site(site, wanted, lambda nonce: inbox.exists() and nonce in inbox.read_text()),
        )


def controls() -> list[Control]:
    return [
        _planted("loses messages", True, keeps=False),
        _planted("is linked nowhere", True, linked=False),
        _planted("keeps messages", False),
    ]


ITEM = Item(
    key="support",
    order=18,
    area=Area.LAUNCH,
    title="Support channel established",
    question="Does a message from a customer arrive where a person reads it?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: of_target(subject, "support"),
    changes=True,
    settings=SupportSettings,
)
