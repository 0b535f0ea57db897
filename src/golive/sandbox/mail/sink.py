"""The sink itself: an SMTP server and a web server in front of one mailbox."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from golive.sandbox.hosting import Hosted
from golive.sandbox.mail.mailbox import Mailbox, Message
from golive.sandbox.mail.refusal import Doorkeeper, Refusal
from golive.sandbox.mail.web import mail_app
from golive.sandbox.servers import free_port

_LIMIT_BYTES = 30 * 1024 * 1024


class _Handler:
    def __init__(self, mailbox: Mailbox, door: Doorkeeper) -> None:
        self._mailbox = mailbox
        self._door = door

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        refusal = self._door.reply()
        if refusal is not None:
            return refusal
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        recipients = [str(address) for address in envelope.rcpt_tos]
        message = await asyncio.to_thread(
            self._mailbox.add, str(envelope.mail_from or ""), recipients, content, datetime.now(UTC)
        )
        return f"250 kept as {message.id}"


class MailSink:
    """Catches mail for as long as the context lasts; port 0 takes a free one, no folder a temporary one."""

    def __init__(self, folder: Path | None = None, *, smtp_port: int = 0, http_port: int = 0) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="golive-mail-") if folder is None else None
        self.mailbox = Mailbox(Path(self._temporary.name) if self._temporary else folder or Path())
        self.door = Doorkeeper()
        self.smtp_port = smtp_port or free_port()
        self._smtp = Controller(
            _Handler(self.mailbox, self.door),
            hostname="127.0.0.1",
            port=self.smtp_port,
            data_size_limit=_LIMIT_BYTES,
            enable_SMTPUTF8=True,
            ident="golive mail sink",
        )
        self._web = Hosted(mail_app(self.mailbox, self.door), port=http_port)

    @property
    def smtp_url(self) -> str:
        return f"smtp://127.0.0.1:{self.smtp_port}"

    @property
    def url(self) -> str:
        """Where the page and the API are."""
        return self._web.url

    def refuse(self, code: int = 451, *, remaining: int | None = None) -> None:
        """Answer the next messages with this code."""
        self.door.set(Refusal(code, remaining=remaining))

    def accept(self) -> None:
        """Take mail again."""
        self.door.set(None)

    def wait_for(self, *, to: str = "", subject: str = "", text: str = "", seconds: float = 10) -> Message:
        """The newest message that matches, waiting for it. Raises TimeoutError with what did arrive."""
        deadline = time.monotonic() + seconds
        while not (found := self.mailbox.messages(to=to, subject=subject, text=text, limit=1)):
            if time.monotonic() > deadline:
                subjects = [message.subject for message in self.mailbox.messages(limit=5)]
                raise TimeoutError(f"no mail to={to!r} subject={subject!r} text={text!r}; newest: {subjects}")
            time.sleep(0.05)
        return found[0]

    def start(self) -> Self:
        self._smtp.start()
        self._web.start()
        return self

    def stop(self) -> None:
        self._web.stop()
        self._smtp.stop()
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
