"""Whether a webhook was sent by the payment provider: `Stripe-Signature: t=…,v1=…` over "t.body"."""

import hashlib
import hmac
from datetime import datetime, timedelta
from enum import StrEnum

TOLERANCE = timedelta(minutes=5)
_MOST_SIGNATURES = 8


class Verdict(StrEnum):
    """Why a delivery is taken or refused."""

    GOOD = "good"
    MISSING = "no usable Stripe-Signature header"
    STALE = "signed too long ago"
    FUTURE = "signed in the future"
    WRONG = "no signature fits"


def judge(header: str, body: bytes, secret: str, now: datetime) -> Verdict:
    """Judge a delivery. Refuses stale and future ones: five minutes either way."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [value for key, _, value in pairs if key == "t"]
    signatures = [value for key, _, value in pairs if key == "v1"][:_MOST_SIGNATURES]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or not signatures or not secret:
        return Verdict.MISSING
    age = timedelta(seconds=now.timestamp() - int(times[0][:12]))
    if age > TOLERANCE:
        return Verdict.STALE
    if age < -TOLERANCE:
        return Verdict.FUTURE
    expected = hmac.new(secret.encode(), f"{times[0]}.".encode() + body, hashlib.sha256).hexdigest()
    fits = [hmac.compare_digest(expected.encode(), signature.encode()) for signature in signatures]
    return Verdict.GOOD if any(fits) else Verdict.WRONG
