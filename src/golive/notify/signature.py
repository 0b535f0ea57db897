"""Signatures of webhooks by the Standard Webhooks scheme (symmetric, `v1`), https://www.standardwebhooks.com."""

import base64
import hashlib
import hmac

from golive.kit.folders import kept_secret

PREFIX = "whsec_"


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the `webhook-signature` header. Raises ValueError when the secret is not base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def default_secret(slug: str) -> str:
    """A project's signing secret where golive.toml names none: `golive notify secret` shows it."""
    key = hmac.new(bytes.fromhex(kept_secret("webhooks")), slug.encode(), hashlib.sha256).digest()
    return PREFIX + base64.b64encode(key).decode()
