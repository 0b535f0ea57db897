"""Mail by SMTP.

Through Django's mail, not Apprise: Apprise makes a new Message-ID for each try, and a mail that has to be repeated
must carry the one it had.
"""

import smtplib
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend

from golive.notify.channels import DeliveryError
from golive.notify.models import Channels, OutboxMessage
from golive.people.secrets import is_reference, resolve

TIMEOUT_SECONDS = 10
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SHAPE = "write the mail server like smtp://user:password@host:587 or smtps://host:465"


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over. `starttls` and `tls` exclude each other."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool

    @classmethod
    def from_url(cls, url: str) -> "MailServer":
        """Read `smtp://`, `smtp+starttls://` or `smtps://user:password@host:port`. Raises ValueError.

        A password is never sent in clear to another machine: `smtp://` with one means STARTTLS there.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # its own words repeat a part of the URL, which may be the password's
            raise ValueError(_SHAPE) from None
        if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname:
            raise ValueError(_SHAPE)
        tls = parts.scheme == "smtps"
        guarded = parts.scheme == "smtp+starttls" or bool(parts.password and parts.hostname not in LOOPBACK)
        return cls(
            host=parts.hostname,
            port=port or (465 if tls else 587 if guarded else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            starttls=guarded and not tls,
            tls=tls,
        )


class Email:
    """The channel "email"; the recipient is an address."""

    name = "email"

    def send(self, message: OutboxMessage, settings: Channels) -> None:
        try:
            url = resolve(settings.email) if is_reference(settings.email) else settings.email
            server = MailServer.from_url(url) if url else None
        except ValueError as error:
            raise DeliveryError(f"[notify] email: {error}") from error
        if server is None:
            raise DeliveryError("No mail server: set `email` in [notify] of golive.toml and run `golive apply`.")
        backend = EmailBackend(
            host=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.starttls,
            use_ssl=server.tls,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            mail = compose(message, settings.sender)
            mail.connection = backend
            mail.send()
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            words = f"{server.host} refuses {message.recipient}: {code} {_words(reply)}"
            raise DeliveryError(words, permanent=code >= 500) from error
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(f"{server.host} answered {error.smtp_code} {_words(error.smtp_error)}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(f"{server.host}:{server.port} {error}") from error


def compose(message: OutboxMessage, sender: str) -> EmailMultiAlternatives:
    """The mail: plain text first, HTML beside it, threads with other mails about the same thing.

    `data["mail"]` may say more: `from`, `reply_to`, `in_reply_to` (a Message-ID), and `automatic` false for what a
    person wrote.
    """
    told = message.data.get("mail", {})
    headers = {"Message-ID": message.message_id}
    if told.get("automatic", True):
        headers["Auto-Submitted"] = "auto-generated"
    if told.get("in_reply_to"):
        headers["In-Reply-To"] = headers["References"] = told["in_reply_to"]
    if told.get("reply_to"):
        headers["Reply-To"] = told["reply_to"]
    if message.about and "References" not in headers:
        domain = message.message_id.rpartition("@")[2].rstrip(">")
        headers["References"] = f"<{message.about.replace(':', '-')}.p{message.project_id}@{domain}>"
    if message.urgency == "high":
        headers |= {"Importance": "high", "X-Priority": "1"}
    if leave := message.data.get("leave"):  # one click in the reader's own program, RFC 8058
        headers |= {"List-Unsubscribe": f"<{leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    mail = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text,
        from_email=told.get("from") or sender or "golive@localhost",
        to=[message.recipient],
        headers=headers,
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    return mail


def _words(reply: bytes | str) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else reply


CHANNEL = Email()
