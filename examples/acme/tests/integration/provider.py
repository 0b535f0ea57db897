"""A payment provider in memory: what the API calls change, and events signed as the real one signs them."""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx

SECRET = "whsec_test"
PERIOD_END = 1_900_000_000


class Provider:
    """Prices, checkout and one subscription per account."""

    def __init__(self) -> None:
        self.transport = httpx.MockTransport(self._answer)
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.sessions: list[dict[str, str]] = []
        self.down = False
        self.meanwhile: list[Callable[[], object]] = []
        """What happens while the next answers about a subscription are under way."""
        self._numbers = itertools.count(1)

    def pay(self, account_id: int, plan: str = "team") -> str:
        """The person pays at the checkout; returns the subscription's id."""
        ident = f"sub_{next(self._numbers)}"
        self.subscriptions[ident] = {
            "id": ident,
            "customer": f"cus_{account_id}",
            "status": "active",
            "cancel_at_period_end": False,
            "metadata": {"account_id": str(account_id)},
            "items": {"data": [_item(f"acme_{plan}_monthly")]},
        }
        return ident

    def event(self, kind: str, subject: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"evt_{next(self._numbers)}",
            "type": kind,
            "created": int(time.time()),
            "data": {"object": subject},
        }

    def invoice(self, subscription: str, amount: int = 1900) -> dict[str, Any]:
        return {
            "id": f"in_{next(self._numbers)}",
            "subscription": subscription,
            "amount_paid": amount,
            "amount_due": amount,
            "currency": "eur",
            "created": int(time.time()),
        }

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            return httpx.Response(503, json={"error": {"message": "down"}})
        sent = {key: values[0] for key, values in parse_qs(request.content.decode()).items()}
        path = request.url.path
        if path == "/v1/prices":
            key = request.url.params.get("lookup_keys[]") or sent["lookup_key"]
            price = {"id": f"price_{key}"}
            return httpx.Response(200, json={"data": [price]} if request.method == "GET" else price)
        if path == "/v1/checkout/sessions":
            self.sessions.append(sent)
            return httpx.Response(200, json={"url": f"http://pay.example/pay/{len(self.sessions)}"})
        subscription = self.subscriptions[path.rpartition("/")[2]]
        if "items[0][price]" in sent:
            subscription["items"]["data"] = [_item(sent["items[0][price]"].removeprefix("price_"))]
        if "cancel_at_period_end" in sent:
            subscription["cancel_at_period_end"] = sent["cancel_at_period_end"] == "true"
        answer = httpx.Response(200, json=subscription)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return answer


def _item(lookup_key: str) -> dict[str, Any]:
    return {"id": "si_1", "price": {"lookup_key": lookup_key}, "current_period_end": PERIOD_END}


def signed(event: dict[str, Any], secret: str = SECRET, at: int | None = None) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a delivery."""
    body, at = json.dumps(event).encode(), at or int(time.time())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {"Stripe-Signature": f"t={at},v1={digest}", "Content-Type": "application/json"}
