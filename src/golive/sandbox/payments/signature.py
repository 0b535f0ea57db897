"""How Stripe signs a webhook: `Stripe-Signature: t=<unix seconds>,v1=<HMAC-SHA256 of "t.body">`."""

import hashlib
import hmac

HEADER = "Stripe-Signature"


def sign(body: bytes, secret: str, at: int) -> str:
    """The header's value for this body, signed at `at` (unix seconds)."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
