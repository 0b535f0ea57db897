"""Webhook signatures: only what the provider sent a moment ago is taken."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from acme.payments.signature import Verdict, judge

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
SECRET = "whsec"
BODY = b'{"id":"evt_1"}'


def signed(at: int = AT, body: bytes = BODY, secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


@pytest.mark.parametrize(
    ("header", "verdict"),
    [
        (signed(), Verdict.GOOD),
        (signed(AT - 299), Verdict.GOOD),
        (signed(AT + 299), Verdict.GOOD),
        (signed(AT - 301), Verdict.STALE),
        (signed(AT + 301), Verdict.FUTURE),
        (signed(secret="other"), Verdict.WRONG),
        (signed(body=b'{"id":"evt_2"}'), Verdict.WRONG),
        (f"t={AT},v1=00,{signed().split(',')[1]}", Verdict.GOOD),
        (f"t={AT},v0=00", Verdict.MISSING),
        (f"t={AT},v1=", Verdict.WRONG),
        (f"t={AT},t={AT},{signed().split(',')[1]}", Verdict.MISSING),
        ("t=soon,v1=00", Verdict.MISSING),
        ("v1=00", Verdict.MISSING),
        ("nonsense", Verdict.MISSING),
        ("", Verdict.MISSING),
    ],
)
def test_verdicts(header: str, verdict: Verdict) -> None:
    assert judge(header, BODY, SECRET, NOW) == verdict


def test_without_a_secret_nothing_is_taken() -> None:
    assert judge(signed(secret=""), BODY, "", NOW) == Verdict.MISSING
