"""An external mailbox as canary: what the product sends must arrive there, and be believed by who receives it.

The receiver's own verdict counts (Authentication-Results, RFC 8601), read over IMAP; nothing in the mailbox is changed.
"""

import imaplib
import re
import secrets
import ssl
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict

from golive.config.values import Duration
from golive.readiness.asking import Site, until
from golive.readiness.refusals import FormSettings
from golive.readiness.verdict import CannotTell, Report
from golive.readiness.visitor import Visitor

TIMEOUT_SECONDS = 15
METHODS = ("spf", "dkim", "dmarc")
Find = Callable[[str], Message | None]  # the mail that was sent to an address with this word in it


class CanarySettings(BaseModel):
    """A mailbox at somebody else's, such as a free one at a large provider."""

    model_config = ConfigDict(extra="forbid")
    mailbox: str = ""
    """A reference to imaps://USER:PASSWORD@HOST; without one there is no canary."""
    address: str = ""
    """Its address, at which addresses with a plus arrive too: "canary@mail.example" gets "canary+x@mail.example"."""
    form: FormSettings | None = None
    """The form that makes the product write to {{email}}: signing up, or resetting a password."""
    within: Duration = timedelta(minutes=2)
    """How long the mail may take."""


def examine(site: Site, wanted: CanarySettings, find: Find) -> Report:
    """Let the product write to the canary, find the mail there, and read what its receiver thinks of it."""
    if wanted.form is None or "@" not in wanted.address:
        raise CannotTell("canary", "the canary's address or form is not declared", "set [readiness.email.canary]")
    nonce = f"golive{secrets.token_hex(6)}"
    local, _, domain = wanted.address.rpartition("@")
    address = f"{local}+{nonce}@{domain}"
    fields = {name: value.replace("{{email}}", address) for name, value in wanted.form.fields.items()}
    answer = Visitor(site).submit(wanted.form.path, fields, wanted.form.form)
    if answer is None or answer.status >= 400:
        status = answer.status if answer else "nothing"
        raise CannotTell("canary", f"{wanted.form.path} answers {status}", "set [readiness.email.canary] form")
    seen: list[Message] = []

    def arrived() -> bool:
        found = find(nonce)
        seen.extend([found] if found is not None else [])
        return bool(seen)

    report = Report(examined=1, expected=1)
    if not until(arrived, wanted.within, every=2):
        report.convict("canary", f"a mail to a mailbox outside did not arrive within {wanted.within}")
        return report
    report.absorb(judge(seen[0]))
    return report


def judge(mail: Message) -> Report:
    """SPF, DKIM and DMARC as the receiver saw them: the topmost header is the receiver's own."""
    report = Report(expected=len(METHODS))
    header = " ".join(str(mail.get("Authentication-Results", "")).split())
    if not header:
        report.doubt("canary", "the receiver says nothing of SPF, DKIM and DMARC", "use a mailbox that does")
        return report
    for method in METHODS:
        said = re.search(rf"\b{method}=(\w+)", header)
        report.examined += 1
        if said is None or said[1].lower() != "pass":
            report.convict(f"canary {method}", f"the receiver says {method}={said[1] if said else 'nothing'}")
    report.facts["canary"] = header[:300]
    return report


def mailbox(url: str) -> Find:
    """Looks into a mailbox. Raises CannotTell when it does not open."""
    parts = urlsplit(url)
    if parts.scheme not in ("imaps", "imap") or not parts.hostname:
        why = "the canary's mailbox is no imaps:// address"
        raise CannotTell("canary", why, "set [readiness.email.canary] mailbox")

    def opened() -> imaplib.IMAP4:
        if parts.scheme == "imap":
            return imaplib.IMAP4(str(parts.hostname), parts.port or 143, TIMEOUT_SECONDS)
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(str(parts.hostname), parts.port or 993, ssl_context=context, timeout=TIMEOUT_SECONDS)

    def find(nonce: str) -> Message | None:
        try:
            with opened() as server:
                server.login(unquote(parts.username or ""), unquote(parts.password or ""))
                server.select("INBOX", readonly=True)
                _, found = server.search(None, "HEADER", "To", f'"{nonce}"')
                numbers = (found[0] or b"").split()
                if not numbers:
                    return None
                _, rows = server.fetch(numbers[-1].decode(), "(BODY.PEEK[HEADER])")
        except (OSError, imaplib.IMAP4.error) as error:
            why = f"the mailbox does not open ({type(error).__name__})"
            raise CannotTell("canary", why, "golive secret list") from error
        raw = next((row[1] for row in rows if isinstance(row, tuple)), b"")
        return message_from_bytes(raw)

    return find
