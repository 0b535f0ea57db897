"""Who chats: the customer's own server says so, signed with the inbox's chat secret.

    payload   = base64url(JSON {"email", "name", "account", "plan", "expires"})   expires in Unix seconds
    signature = hex HMAC-SHA256(secret, payload)

Without it anybody could claim a premium plan, or be somebody else.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class IdentityError(ValueError):
    """The visitor may not chat; the message says why."""


class Visitor(BaseModel):
    """What the customer's server says of its user."""

    model_config = ConfigDict(extra="forbid")
    email: str = Field(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")
    name: str = Field("", max_length=120, pattern=r"^[^\x00]*$")
    account: str = Field("", max_length=200, pattern=r"^[^\x00]*$")
    plan: str = Field(max_length=80, pattern=r"^[^\x00]*$")
    expires: int = Field(ge=0, le=2**40)


def sign(payload: str, secret: str) -> str:
    """The signature that the customer's server has to send along."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def verify(payload: str, signature: str, secret: str, plans: Sequence[str], now: datetime) -> Visitor:
    """Who this is. Raises IdentityError for a forged, stale or not entitled visitor."""
    if not secret:
        raise IdentityError("Chat is not set up: it needs `chat_secret` in [support] of golive.toml.")
    if not hmac.compare_digest(sign(payload, secret).encode(), signature.encode()):
        raise IdentityError("The visitor's identity is not signed with this inbox's secret.")
    try:
        padded = payload + "=" * (-len(payload) % 4)
        visitor = Visitor.model_validate_json(base64.urlsafe_b64decode(padded))
    except (ValidationError, binascii.Error, ValueError) as error:
        raise IdentityError("The visitor's identity cannot be read.") from error
    if visitor.expires < now.timestamp():
        raise IdentityError("The visitor's identity has expired; load the page again.")
    if visitor.plan not in plans:
        raise IdentityError("Live chat comes with another plan; write to us by the form or by mail.")
    return visitor
