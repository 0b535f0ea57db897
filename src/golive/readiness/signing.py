"""How providers sign webhooks: one function for each scheme, from body, secret, delivery id and time to headers."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Sign = Callable[[bytes, str, str, int], dict[str, str]]


@dataclass(frozen=True)
class Scheme:
    """`dated`: the time of signing is signed too, so that old and future deliveries can be told."""

    name: str
    sign: Sign
    signature: str
    dated: bool


def _hex(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def stripe(body: bytes, secret: str, ident: str, at: int) -> dict[str, str]:
    return {"Stripe-Signature": f"t={at},v1={_hex(secret.encode(), f'{at}.'.encode() + body)}"}


def github(body: bytes, secret: str, ident: str, at: int) -> dict[str, str]:
    return {
        "X-Hub-Signature-256": f"sha256={_hex(secret.encode(), body)}",
        "X-GitHub-Delivery": ident,
        "X-GitHub-Event": "push",
    }


def standard(body: bytes, secret: str, ident: str, at: int) -> dict[str, str]:
    """Standard Webhooks: the secret is "whsec_" and base64."""
    key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    signed = hmac.new(key, f"{ident}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": ident,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def generic(body: bytes, secret: str, ident: str, at: int) -> dict[str, str]:
    """HMAC-SHA256 of the raw body, in hex."""
    return {"X-Signature": _hex(secret.encode(), body), "X-Delivery-Id": ident}


SCHEMES: Mapping[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("stripe", stripe, "Stripe-Signature", dated=True),
        Scheme("github", github, "X-Hub-Signature-256", dated=False),
        Scheme("standard", standard, "webhook-signature", dated=True),
        Scheme("hmac", generic, "X-Signature", dated=False),
    )
}
