"""A mail from a customer, read: who, what, which conversation, and whether a person wrote it.

RFC 5322 messages, RFC 3834 for what must not be answered by a machine. Nothing in a mail is trusted: a header may
be anything, a body may be in any encoding or none.
"""

import hashlib
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import getaddresses, parseaddr

LARGEST_BYTES = 10_000_000
LONGEST_TEXT = 50_000
TOKEN = r"([0-9a-f]{24})"  # noqa: S105 (the shape of one, not one)
_REFERENCE = re.compile(rf"<{TOKEN}\.\d+\.support@")
_PLUS = re.compile(rf"\+{TOKEN}@", re.IGNORECASE)
_QUOTED = re.compile(r"(?m)^(?:On .{0,200}wrote:|-{2,} ?Original Message ?-{2,}|Am .{0,200} schrieb.{0,120}:)\s*$")
_TAGS = re.compile(r"(?is)<(script|style)\b.*?</\1>|<[^>]{0,2000}>")


class LetterError(ValueError):
    """The mail cannot be taken; the message says why."""


@dataclass(frozen=True)
class Letter:
    """What matters of a mail. `token` names the conversation that it answers, if any."""

    sender: str
    name: str
    to: tuple[str, ...]
    subject: str
    text: str
    message_id: str
    token: str
    automatic: bool
    attachments: tuple[tuple[str, int], ...]

    @property
    def author(self) -> str:
        """Name and address: a name alone may be anybody's."""
        return f"{self.name} <{self.sender}>" if self.name else self.sender


def read(raw: bytes) -> Letter:
    """Read a mail as it came over SMTP. Raises LetterError when nobody could be answered, or nothing was said."""
    if len(raw) > LARGEST_BYTES:
        raise LetterError(f"The mail is larger than {LARGEST_BYTES // 1_000_000} MB.")
    mail = message_from_bytes(raw, policy=policy.default)
    name, sender = parseaddr(_header(mail, "Reply-To") or _header(mail, "From"))
    if "@" not in sender:
        raise LetterError("The mail has no sender who could be answered.")
    to = tuple(address.lower() for _, address in getaddresses([_header(mail, "To"), _header(mail, "Cc")]) if address)
    parts, attachments = _body(mail)
    if not parts and not attachments:
        raise LetterError("The mail is empty.")
    references = f"{_header(mail, 'In-Reply-To')} {_header(mail, 'References')}"
    token = _REFERENCE.search(references) or next((hit for address in to if (hit := _PLUS.search(address))), None)
    return Letter(
        sender=sender.lower()[:254],
        name=name[:120],
        to=to,
        subject=" ".join(_header(mail, "Subject").split())[:200] or "(no subject)",
        text=newest(parts)[:LONGEST_TEXT] or "(only attachments)",
        message_id=_header(mail, "Message-ID").strip()[:250] or f"sha256:{hashlib.sha256(raw).hexdigest()}",
        token=token[1].lower() if token else "",
        automatic=_automatic(mail),
        attachments=attachments,
    )


def newest(text: str) -> str:
    """What was written now: without the quoted rest of the conversation, which we have anyway."""
    cut = _QUOTED.search(text)
    kept = text[: cut.start()] if cut and text[: cut.start()].strip() else text
    lines = kept.rstrip().splitlines()
    while lines and lines[-1].startswith(">"):
        lines.pop()
    return "\n".join(lines).strip() or text.strip()


def _automatic(mail: Message) -> bool:
    """Whether a machine wrote it: such a mail is kept, but never acknowledged by another machine."""
    submitted = _header(mail, "Auto-Submitted").strip().lower()
    precedence = _header(mail, "Precedence").strip().lower()
    return (
        (submitted not in ("", "no"))
        or precedence in ("bulk", "junk", "list", "auto_reply")
        or bool(_header(mail, "List-Id"))
        or _header(mail, "Return-Path").strip() == "<>"
    )


def _body(mail: EmailMessage) -> tuple[str, tuple[tuple[str, int], ...]]:
    """The text, plain where there is one, and what was attached."""
    plain, html, attachments = "", "", []
    for part in mail.walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True)
        payload = content if isinstance(content, bytes) else b""
        if part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            attachments.append((str(part.get_filename() or part.get_content_type())[:120], len(payload)))
        elif part.get_content_subtype() == "html":
            html = html or _decoded(part, payload)
        else:
            plain = plain or _decoded(part, payload)
    text = plain if plain.strip() else _TAGS.sub(" ", html)
    return text.replace("\0", "").replace("\r\n", "\n").strip(), tuple(attachments)


def _decoded(part: Message, payload: bytes) -> str:
    try:
        return payload.decode(part.get_content_charset() or "utf-8", errors="replace")
    except LookupError:
        return payload.decode("utf-8", errors="replace")


def _header(mail: Message, name: str) -> str:
    """A header's text, "" when it is absent or beyond reading."""
    try:
        return str(mail.get(name) or "").replace("\0", "")
    except (ValueError, IndexError, AttributeError, TypeError):
        return ""
