"""Passes to previews: signed for one host and a time, in a cookie, a header or an address."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core import signing

COOKIE = "golive_preview"
HEADER = "Golive-Preview-Pass"
PARAMETER = "golive_pass"
SALT = "golive preview pass"


class Move(StrEnum):
    LET_IN = "let in"
    GIVE_COOKIE = "give cookie"  # the pass came in the address: keep it, and show the address without it
    LOG_IN = "log in"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Decision:
    move: Move
    uri: str = ""
    token: str = ""


def sign(host: str, until: datetime) -> str:
    """A pass for a host."""
    return signing.dumps({"host": host, "until": round(until.timestamp())}, salt=SALT, compress=False)


def good(token: str, host: str, now: datetime) -> bool:
    """Whether a pass is ours, for this host, and still in time."""
    if not token:
        return False
    try:
        held = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return False
    return bool(held.get("host") == host and held.get("until", 0) > now.timestamp())


def decide(protect: str, host: str, uri: str, cookie: str, header: str, now: datetime) -> Decision:
    """May this visitor see the preview?"""
    parts = urlsplit(uri)
    query = parse_qsl(parts.query, keep_blank_values=True)
    given = next((value for name, value in query if name == PARAMETER), "")
    if given and good(given, host, now):
        rest = urlencode([(name, value) for name, value in query if name != PARAMETER])
        return Decision(Move.GIVE_COOKIE, (parts.path or "/") + (f"?{rest}" if rest else ""), given)
    if protect == "none" or good(cookie, host, now) or good(header, host, now):
        return Decision(Move.LET_IN)
    return Decision(Move.LOG_IN if protect == "login" else Move.REFUSE)
