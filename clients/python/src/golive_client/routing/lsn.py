"""Positions in PostgreSQL's log, and the token by which a user carries theirs from request to request."""

import re
from dataclasses import dataclass
from datetime import timedelta

_LSN = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
_TOKEN = re.compile(r"1\.([0-9a-f]{1,16})\.([0-9]{1,12})")
LIFETIME = timedelta(minutes=5)  # a replica that is further behind than this serves nobody


def parse(text: str) -> int:
    """A position as PostgreSQL writes it, "16/B374D848", as a number. Raises ValueError."""
    match = _LSN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no position in a log")
    return int(match[1], 16) << 32 | int(match[2], 16)


def written(lsn: int) -> str:
    """A number as PostgreSQL writes it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


@dataclass(frozen=True)
class Token:
    """The position up to which somebody must see, and when it was taken (unix seconds)."""

    lsn: int
    at: int

    def __str__(self) -> str:
        return f"1.{self.lsn:x}.{self.at}"

    @classmethod
    def read(cls, text: str | None, now: float) -> "Token | None":
        """A token from a cookie or header; None for none, for one too old, and for anything else that came in."""
        match = _TOKEN.fullmatch(text or "")
        if match is None:
            return None
        found = cls(int(match[1], 16), int(match[2]))
        return found if 0 <= now - found.at + 5 <= LIFETIME.total_seconds() + 5 else None
