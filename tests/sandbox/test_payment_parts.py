"""Small decisions of the payment simulator."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from golive.sandbox.payments.cards import card_of
from golive.sandbox.payments.delivery import Mischief, Order, release
from golive.sandbox.payments.forms import decode
from golive.sandbox.payments.periods import next_retry, period_end, prorated
from golive.sandbox.payments.signature import sign


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("items[0][price]=x&items[1][price]=y", {"items": [{"price": "x"}, {"price": "y"}]}),
        ("items[10][p]=b&items[9][p]=a", {"items": [{"p": "a"}, {"p": "b"}]}),
        ("expand[]=a&expand[]=b", {"expand": ["a", "b"]}),
        ("metadata[k]=v&metadata[l]=", {"metadata": {"k": "v", "l": ""}}),
        ("a=1&a[b]=2", {"a": "1"}),
        ("", {}),
    ],
)
def test_forms(encoded: str, decoded: dict[str, Any]) -> None:
    assert decode(encoded) == decoded


@pytest.mark.parametrize(
    ("start", "interval", "count", "end"),
    [
        ("2026-01-31", "month", 1, "2026-02-28"),
        ("2026-11-30", "month", 3, "2027-02-28"),
        ("2026-12-15", "month", 1, "2027-01-15"),
        ("2028-02-29", "year", 1, "2029-02-28"),
        ("2026-03-01", "week", 2, "2026-03-15"),
        ("2026-03-01", "day", 1, "2026-03-02"),
    ],
)
def test_periods(start: str, interval: str, count: int, end: str) -> None:
    begun, ended = (int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) for day in (start, end))
    assert period_end(begun, interval, count) == ended


@pytest.mark.parametrize(("now", "amount"), [(0, 1000), (50, 500), (100, 0), (150, 0), (-10, 1000), (33, 670)])
def test_proration(now: int, amount: int) -> None:
    assert prorated(1000, 0, 100, now) == amount


def test_retries_end() -> None:
    day = 86_400
    assert [next_retry(0, attempts) for attempts in (1, 2, 3, 4)] == [3 * day, 5 * day, 7 * day, None]


def test_the_signature_covers_body_time_and_secret() -> None:
    body, at = b'{"id":"evt_1"}', int(time.time())
    assert stripe.Webhook.construct_event(body.decode(), sign(body, "whsec_x", at), "whsec_x")
    for wrong in (sign(body + b" ", "whsec_x", at), sign(body, "whsec_y", at), sign(body, "whsec_x", at - 600)):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body.decode(), wrong, "whsec_x")


@pytest.mark.parametrize(
    ("number", "declined", "later"),
    [
        ("4242 4242 4242 4242", "", ""),
        ("4000000000000341", "", "generic_decline"),
        ("4000-0000-0000-0002", "generic_decline", ""),
        ("", "incorrect_number", ""),
    ],
)
def test_cards(number: str, declined: str, later: str) -> None:
    card = card_of(number)
    assert (card.declined, card.renewal_declined) == (declined, later)


def test_an_order_says_what_to_send() -> None:
    a, b = {"id": "a", "type": "x"}, {"id": "b", "type": "y"}
    assert release(Order(Mischief.DROP), a) == []
    assert release(Order(Mischief.DUPLICATE), a) == [(0.0, a), (0.0, a)]
    assert release(Order(Mischief.DELAY, seconds=3), a) == [(3, a)]
    reorder = Order(Mischief.REORDER, count=2)
    assert release(reorder, a) == []
    assert [event for _, event in release(reorder, b)] == [b, a]
    assert not reorder.concerns(a)
    assert not Order(Mischief.DROP, types=("y",)).concerns(a)
