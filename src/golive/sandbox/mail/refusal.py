"""Telling the sink to refuse mail, so that a sender's retries can be tested."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Refuse the next `remaining` messages (None: until told otherwise) with this SMTP code, 4xx or 5xx."""

    code: int = 451
    text: str = "refused on request, try again later"
    remaining: int | None = None

    def __post_init__(self) -> None:
        if not 400 <= self.code <= 599:
            raise ValueError(f"{self.code} is no refusal; SMTP refuses with 4xx (try again) or 5xx (never)")
        if self.remaining is not None and self.remaining < 1:
            raise ValueError("remaining must be at least 1, or absent")
        if not self.text.isprintable():
            raise ValueError("text must be one printable line")

    @property
    def reply(self) -> str:
        return f"{self.code} {self.text}"

    def spent(self) -> "Refusal | None":
        """What is left after one refusal."""
        if self.remaining is None:
            return self
        return Refusal(self.code, self.text, self.remaining - 1) if self.remaining > 1 else None


class Doorkeeper:
    """Holds the refusal in force and counts what was refused; safe between the SMTP and HTTP threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refusal: Refusal | None = None
        self.refused = 0

    def set(self, refusal: Refusal | None) -> None:
        with self._lock:
            self._refusal = refusal

    def reply(self) -> str | None:
        """The refusal for the message at the door, or None to take it."""
        with self._lock:
            if self._refusal is None:
                return None
            reply = self._refusal.reply
            self._refusal = self._refusal.spent()
            self.refused += 1
            return reply
