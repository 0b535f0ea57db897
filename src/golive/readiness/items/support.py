"""Support channel: a message with a nonce arrives where a person reads it, within its target."""

import secrets
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings as django_settings
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
from golive.readiness.planted import planted
from golive.readiness.programs import run
from golive.readiness.verdict import CannotTell, Control, Report
from golive.readiness.visitor import Visitor
from golive.support.models import Conversation, Direction, Inbox, Said

Arrived = Callable[[str], bool]
OWN_FIELDS = {"email": "{{email}}", "name": "golive", "subject": "Test of the support channel", "text": "{{message}}"}


class SupportSettings(BaseModel):
    """The support channel."""

    model_config = ConfigDict(extra="forbid")
    page: str = "/support"
    """Where people find help; linked from the front page. It may be golive's own form: "https://GOLIVE/support/acme/"."""
    form: str = ""
    """The page with the form, where it is another."""
    fields: dict[str, str] = {}
    """The form's fields; {{message}} is the message with the nonce, {{email}} an address. Default: golive's own."""
    arrived: list[str] = []
    """A program that prints 1 when the message with $GOLIVE_NONCE is where your people read it, else 0.
    Without one golive looks into its own inbox."""
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
    if arrived(nonce):
        raise CannotTell(
            "arrived", "a message is said to have arrived before it was sent: that proves nothing", "mend arrived"
        )
    filled = {
        name: value.replace("{{message}}", f"Test of the support channel {nonce}, please ignore").replace(
            "{{email}}", f"{nonce}@probe.example"
        )
        for name, value in wanted.fields.items()
    }
    path = wanted.form or wanted.page
    answer = Visitor(site).submit(path, filled)
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
    if not wanted.arrived:
        return examine_own(subject, wanted)
    if not wanted.fields:
        raise CannotTell("support", "how a message is sent is not declared", "set [readiness.support] fields")
    folder = subject.folder()

    def arrived(nonce: str) -> bool:
        return run(wanted.arrived, folder, command_environment(subject, GOLIVE_NONCE=nonce)).strip() not in ("", "0")

    return examine_site(subject.site(), wanted, arrived)


def examine_own(subject: Subject, wanted: SupportSettings) -> Report:
    """golive's own inbox, by its own form unless another is declared. The test message is taken out again."""
    if not Inbox.objects.filter(project_id=subject.number).exists():
        raise CannotTell(
            "support",
            "neither a program that tells where messages arrive is declared, nor golive's own inbox",
            "set [support] address in golive.toml, or [readiness.support] fields and arrived",
        )
    if not wanted.fields:
        form = f"{django_settings.PUBLIC_URL}/support/{subject.project}/"
        wanted = wanted.model_copy(update={"form": wanted.form or form, "fields": OWN_FIELDS})
    said = Said.objects.filter(project_id=subject.number, direction=Direction.IN)
    nonces: list[str] = []

    def arrived(nonce: str) -> bool:
        nonces.append(nonce)
        return said.filter(text__contains=nonce).exists()

    try:
        return examine_site(subject.site(), wanted, arrived)
    finally:
        for nonce in set(nonces):
            Conversation.objects.filter(said__in=said.filter(text__contains=nonce)).delete()


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
