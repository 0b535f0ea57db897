"""The messages that were caught: each an .eml file in a folder, with an index in memory."""

import re
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

_LINK = re.compile(r"https?://[^\s<>\"']+")
_HREF = re.compile(r"""href\s*=\s*["'](https?://[^"']+)["']""", re.IGNORECASE)
_TRAILING = ".,;:!?)]}"


@dataclass(frozen=True)
class Message:
    """One delivery as the SMTP server took it; `to` are the envelope's recipients."""

    id: str
    received_at: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    links: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]
    size_bytes: int

    def matches(self, to: str, subject: str, text: str) -> bool:
        """Whether recipient, subject and any part contain these words, without regard to case."""
        return (
            (not to or any(to.lower() in address.lower() for address in self.to))
            and subject.lower() in self.subject.lower()
            and text.lower() in f"{self.sender}\n{self.to}\n{self.subject}\n{self.text}\n{self.html}".lower()
        )

    def summary(self) -> dict[str, Any]:
        """What a list shows."""
        return {
            "id": self.id,
            "received_at": self.received_at.isoformat(),
            "from": self.sender,
            "to": list(self.to),
            "subject": self.subject,
            "snippet": " ".join(self.text.split())[:160],
            "size_bytes": self.size_bytes,
        }

    def full(self) -> dict[str, Any]:
        """The summary with bodies, headers and links."""
        return {
            **self.summary(),
            "text": self.text,
            "html": self.html,
            "links": list(self.links),
            "headers": [list(header) for header in self.headers],
        }


class Mailbox:
    """Keeps the newest `keep` messages of a folder; safe to use from several threads."""

    def __init__(self, folder: Path, *, keep: int = 5000) -> None:
        self.folder = folder
        self._keep = keep
        self._lock = threading.Lock()
        self._messages: dict[str, Message] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*.eml")):
            self._messages[path.stem] = read_message(path.stem, path.read_bytes())

    def add(self, sender: str, to: Iterable[str], content: bytes, at: datetime) -> Message:
        """Keep a message; it is in its file when this returns."""
        ident = f"{int(at.timestamp() * 1_000_000):016d}-{secrets.token_hex(3)}"
        envelope = [f"Return-Path: <{sender}>", *(f"Delivered-To: {address}" for address in to)]
        raw = "".join(f"{line}\r\n" for line in envelope).encode() + content
        draft = self.folder / f".{ident}"
        draft.write_bytes(raw)
        draft.replace(self._path(ident))
        message = read_message(ident, raw)
        with self._lock:
            self._messages[ident] = message
            while len(self._messages) > self._keep:
                self._forget(next(iter(self._messages)))
        return message

    def messages(self, *, to: str = "", subject: str = "", text: str = "", limit: int = 100) -> list[Message]:
        """The newest first."""
        with self._lock:
            everything = list(self._messages.values())
        found = (message for message in reversed(everything) if message.matches(to, subject, text))
        return [message for message, _ in zip(found, range(limit), strict=False)]

    def get(self, ident: str) -> Message | None:
        return self._messages.get(ident)

    def raw(self, ident: str) -> bytes:
        """The .eml file of a known message."""
        return self._path(ident).read_bytes()

    def clear(self) -> int:
        """Delete all; says how many there were."""
        with self._lock:
            count = len(self._messages)
            for ident in list(self._messages):
                self._forget(ident)
        return count

    def __len__(self) -> int:
        return len(self._messages)

    def _forget(self, ident: str) -> None:
        del self._messages[ident]
        self._path(ident).unlink(missing_ok=True)

    def _path(self, ident: str) -> Path:
        return self.folder / f"{ident}.eml"


def read_message(ident: str, raw: bytes) -> Message:
    """Parse an .eml as this mailbox writes them: the id carries the time, two headers the envelope."""
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)  # noqa: S101 - policy.default always makes one
    text, html = _body(parsed, "plain"), _body(parsed, "html")
    return Message(
        id=ident,
        received_at=datetime.fromtimestamp(int(ident.split("-")[0]) / 1_000_000, UTC),
        sender=str(parsed.get("Return-Path", "")).strip("<>"),
        to=tuple(str(address) for address in parsed.get_all("Delivered-To", [])),
        subject=str(parsed.get("Subject", "")),
        text=text,
        html=html,
        links=tuple(extract_links(text, html)),
        headers=tuple((name, str(value)) for name, value in parsed.items()),
        size_bytes=len(raw),
    )


def extract_links(text: str, html: str) -> list[str]:
    """The links of both bodies in their order, each once, without punctuation that ends a sentence."""
    found = [link.rstrip(_TRAILING) for link in _LINK.findall(text)]
    found += [unescape(link) for link in _HREF.findall(html)]
    return list(dict.fromkeys(found))


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # a charset that nobody knows
        content = part.get_payload(decode=True)
        return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
