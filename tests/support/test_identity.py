"""Who may chat: only whom the customer's own server vouches for."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from golive.support.identity import IdentityError, sign, verify

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SECRET = "s3cret"


def payload(**more: Any) -> str:
    told = {"email": "cleo@shop.example", "plan": "pro", "expires": int(NOW.timestamp()) + 60} | more
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def test_who_is_vouched_for_may_chat() -> None:
    told = payload(name="Cleo", account="shop")
    visitor = verify(told, sign(told, SECRET), SECRET, ["pro"], NOW)
    assert (visitor.email, visitor.name, visitor.account, visitor.plan) == ("cleo@shop.example", "Cleo", "shop", "pro")


@pytest.mark.parametrize(
    ("told", "signature", "secret", "why"),
    [
        (payload(), None, "", "not set up"),
        (payload(), "0" * 64, SECRET, "not signed"),
        (payload(), "", SECRET, "not signed"),
        (payload(), sign(payload(plan="free"), SECRET), SECRET, "not signed"),
        (payload(expires=int(NOW.timestamp()) - 1), None, SECRET, "expired"),
        (payload(plan="free"), None, SECRET, "another plan"),
        (payload(role="admin"), None, SECRET, "cannot be read"),
        (payload(email="nobody"), None, SECRET, "cannot be read"),
        ("%%%", None, SECRET, "cannot be read"),
        ("", None, SECRET, "cannot be read"),
        ("ä", "ö", SECRET, "not signed"),
    ],
)
def test_others_may_not(told: str, signature: str | None, secret: str, why: str) -> None:
    with pytest.raises(IdentityError, match=why):
        verify(told, sign(told, secret) if signature is None else signature, secret, ["pro"], NOW)
