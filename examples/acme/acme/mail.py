"""The mails that acme sends, and how they leave (SMTP)."""

import logging
import smtplib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 10

_WHOLE_LINES = default.clone(max_line_length=998)  # a folded link would be encoded, and no mail program reads that


@dataclass(frozen=True)
class Letter:
    """A mail before it is addressed from anyone."""

    to: str
    subject: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


def verification(to: str, name: str, link: str) -> Letter:
    return Letter(
        to,
        "Confirm your email address",
        f"Hello {name},\n\nwelcome to acme. Confirm your address to start:\n\n{link}\n\n"
        "The link works for two days. If you did not sign up, ignore this mail.\n",
    )


def password_reset(to: str, name: str, link: str) -> Letter:
    return Letter(
        to,
        "Choose a new password",
        f"Hello {name},\n\nsomeone, hopefully you, asked for a new password:\n\n{link}\n\n"
        "The link works once, for one hour. Your old password stays until you choose a new one.\n",
    )


def invitation(to: str, inviter: str, team: str, link: str) -> Letter:
    return Letter(
        to,
        f"{inviter} invited you to {team} on acme",
        f"Hello,\n\n{inviter} would like you to join {team} on acme:\n\n{link}\n\nThe link works for seven days.\n",
    )


def payment_failed(to: str, team: str, link: str) -> Letter:
    return Letter(
        to,
        "Your payment did not go through",
        f"Hello,\n\nwe could not charge the card for {team}. We try again in a few days; "
        f"nothing changes until then.\n\nReview your plan: {link}\n",
    )


def support_message(to: str, sender: str, plan: str, text: str) -> Letter:
    """What somebody wrote on the support page; answering goes to them."""
    about = f"{plan} plan" if plan else "not logged in"
    return Letter(
        to, f"Support: {text.strip().splitlines()[0][:60]}", f"{text}\n\n{sender}, {about}\n", {"Reply-To": sender}
    )


Send = Callable[[Letter], None]


def smtp_sender(smtp_url: str, sender: str) -> Send:
    """A function that delivers letters by SMTP. It logs a failure and does not raise: people can ask again."""
    server = urlsplit(smtp_url)

    def send(letter: Letter) -> None:
        message = EmailMessage(policy=_WHOLE_LINES)
        message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="acme.example")
        for name, value in letter.headers.items():
            message[name] = value
        message.set_content(letter.text)
        try:
            with smtplib.SMTP(server.hostname or "127.0.0.1", server.port or 25, timeout=_TIMEOUT_SECONDS) as smtp:
                if server.scheme == "smtp+starttls":
                    smtp.starttls()
                if server.username:
                    smtp.login(unquote(server.username), unquote(server.password or ""))
                smtp.send_message(message)
        except (OSError, smtplib.SMTPException):
            logger.exception("mail could not be sent", extra={"mail.subject": letter.subject})
        else:
            logger.info("mail sent", extra={"mail.subject": letter.subject})

    return send
