"""The payment client against prepared answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from acme.payments.client import PaymentClient, PaymentError
from acme.plans import TEAM, Standing

SUBSCRIPTION: dict[str, Any] = {
    "id": "sub_1",
    "customer": "cus_1",
    "status": "active",
    "cancel_at_period_end": False,
    "metadata": {"account_id": "7"},
    "items": {
        "data": [{"id": "si_1", "price": {"lookup_key": "acme_team_monthly"}, "current_period_end": 1_800_000_000}]
    },
}


def client(answer: Callable[[httpx.Request], httpx.Response]) -> PaymentClient:
    return PaymentClient("http://pay.example", "sk_test_1", httpx.MockTransport(answer))


def test_a_subscription_is_read() -> None:
    found = client(lambda request: httpx.Response(200, json=SUBSCRIPTION)).subscription("sub_1")
    assert (found.account_id, found.item) == (7, "si_1")
    assert found.standing == Standing("team", "active")
    assert found.period_end == datetime.fromtimestamp(1_800_000_000, UTC)


def test_checkout_names_account_price_and_way_back() -> None:
    sent: list[dict[str, list[str]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer sk_test_1"
        if request.url.path == "/v1/prices":
            return httpx.Response(200, json={"data": [{"id": "price_1"}]})
        sent.append(parse_qs(request.content.decode()))
        return httpx.Response(200, json={"url": "http://pay.example/pay/cs_1"})

    url = client(answer).checkout(TEAM, 7, None, "ada@example.com", "http://acme.example/billing")
    assert url == "http://pay.example/pay/cs_1"
    assert sent[0]["line_items[0][price]"] == ["price_1"]
    assert sent[0]["subscription_data[metadata][account_id]"] == ["7"]
    assert sent[0]["customer_email"] == ["ada@example.com"]
    assert sent[0]["success_url"] == ["http://acme.example/billing?paid={CHECKOUT_SESSION_ID}"]


def test_a_missing_price_is_made_once() -> None:
    made: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/prices" and request.method == "GET":
            return httpx.Response(200, json={"data": []})
        if request.url.path == "/v1/prices":
            made.append(request.content.decode())
            return httpx.Response(200, json={"id": "price_new"})
        return httpx.Response(200, json={"url": "x"})

    payments = client(answer)
    for _ in range(2):
        payments.checkout(TEAM, 7, "cus_1", "", "")
    assert len(made) == 1
    assert parse_qs(made[0])["unit_amount"] == ["1900"]


@pytest.mark.parametrize(
    ("status", "body", "for_people"),
    [
        (402, {"error": {"type": "card_error", "message": "Your card was declined."}}, "Your card was declined."),
        (400, {"error": {"type": "invalid_request_error", "message": "No such price"}}, "could not be made"),
        (500, {}, "could not be made"),
    ],
)
def test_refusals_are_explained(status: int, body: dict[str, Any], for_people: str) -> None:
    with pytest.raises(PaymentError) as refused:
        client(lambda request: httpx.Response(status, json=body)).subscription("sub_1")
    assert for_people in refused.value.for_people


def test_a_provider_that_is_away_is_an_error_of_ours() -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(PaymentError, match="refused"):
        client(nobody).subscription("sub_1")


def test_an_answer_that_is_not_json_is_an_error_of_ours() -> None:
    with pytest.raises(PaymentError):
        client(lambda request: httpx.Response(200, text="<html>")).subscription("sub_1")
