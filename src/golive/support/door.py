"""Where mail for the inboxes comes in: an SMTP server that takes only what is addressed to one of them.

A mail is in the database before it is accepted (250), so one that is not was not lost: its sender keeps it and tries
again. It relays nothing.
"""

import os
from email import message_from_bytes
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from asgiref.sync import sync_to_async
from django.db import Error, close_old_connections
from django.utils import timezone

from golive.support import desk, letter
from golive.support.models import Inbox

VARIABLE = "GOLIVE_SUPPORT_SMTP"
MOST_RECIPIENTS = 20


def address() -> tuple[str, int] | None:
    """The address that GOLIVE_SUPPORT_SMTP names ("127.0.0.1:2525"), or None. Raises ValueError."""
    told = os.environ.get(VARIABLE, "")
    if not told:
        return None
    host, _, port = told.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"{VARIABLE} is written like 127.0.0.1:2525, not {told!r}")
    return host.strip("[]"), int(port)


def inbox_for(recipient: str) -> Inbox | None:
    """The inbox that a recipient's address belongs to; what follows a `+` names a conversation."""
    local, _, domain = recipient.lower().rpartition("@")
    base = f"{local.partition('+')[0]}@{domain}"
    found = Inbox.objects.select_related("project").filter(address__in=[recipient.lower(), base])
    return found.order_by("pk").first()


def take(recipients: list[str], raw: bytes) -> str:
    """Keep a mail for each inbox that it is addressed to; the SMTP reply."""
    try:
        close_old_connections()
        inboxes = {inbox.pk: inbox for one in recipients if (inbox := inbox_for(one))}
        known = message_from_bytes(raw)
        if "To" not in known and recipients:  # a blind copy still has to find its conversation
            raw = f"To: {recipients[0]}\r\n".encode() + raw
        read = letter.read(raw)
        for inbox in inboxes.values():
            desk.take_letter(inbox, read, timezone.now())
    except letter.LetterError as error:
        return f"554 5.6.0 {error}"
    except (Error, desk.SupportError):
        return "451 4.3.0 Not kept; try again later."
    return "250 2.0.0 Kept"


class _Handler:
    """aiosmtpd's hooks, named by the SMTP command they answer."""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        try:
            known = await sync_to_async(inbox_for)(address)
        except Error:
            return "451 4.3.0 Try again later"
        if known is None:
            return "550 5.1.1 No such inbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        return await sync_to_async(take)(list(envelope.rcpt_tos), content)


class Door:
    """The running SMTP server."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self._controller = Controller(
            _Handler(), hostname=host, port=port, data_size_limit=letter.LARGEST_BYTES, ident="golive", timeout=60
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()
