"""The payment simulator under Stripe's own client library, with real webhooks to a real endpoint."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from golive.sandbox.hosting import Hosted
from golive.sandbox.payments import PaymentSimulator

SECRET = "whsec_test"
GOOD, DECLINED, FAILS_LATER = "4242 4242 4242 4242", "4000000000000002", "4000000000000341"


class Endpoint:
    """A shop's webhook endpoint: checks signatures with Stripe's library and remembers events in order."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.failing = 0
        self.url = ""
        self._arrived = threading.Condition()
        self.app = Starlette(routes=[Route("/hook", self.receive, methods=["POST"])])

    async def receive(self, request: Request) -> Response:
        event = stripe.Webhook.construct_event(await request.body(), request.headers["stripe-signature"], SECRET)
        if self.failing:
            self.failing -= 1
            return Response(status_code=500)
        with self._arrived:
            self.events.append(event)
            self._arrived.notify_all()
        return Response(status_code=204)

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def wait_for(self, kind: str, count: int = 1) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.types().count(kind) >= count, timeout=15), self.types()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    shop = Endpoint()
    with Hosted(shop.app) as hosted:
        shop.url = f"{hosted.url}/hook"
        yield shop


@pytest.fixture
def simulator(endpoint: Endpoint) -> Iterator[PaymentSimulator]:
    with PaymentSimulator(webhook=endpoint.url, secret=SECRET) as running:
        yield running


@pytest.fixture
def client(simulator: PaymentSimulator) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_1", base_addresses={"api": simulator.url}, max_network_retries=0)


def price(client: stripe.StripeClient, amount: int = 1900) -> Any:
    product = client.v1.products.create({"name": f"Plan {amount}"})
    recurring: Any = {"interval": "month"}
    return client.v1.prices.create(
        {
            "currency": "eur",
            "unit_amount": amount,
            "product": product.id,
            "recurring": recurring,
            "lookup_key": f"k{amount}",
        }
    )


def subscribe(client: stripe.StripeClient, card: str = GOOD, amount: int = 1900) -> tuple[httpx.Response, Any]:
    session = client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "success_url": "http://shop.example/done?s={CHECKOUT_SESSION_ID}",
            "line_items": [{"price": price(client, amount).id, "quantity": 1}],
            "client_reference_id": "account-7",
            "subscription_data": {"metadata": {"account": "7"}},
        }
    )
    assert session.url is not None
    answer = httpx.post(session.url, data={"card_number": card})
    return answer, client.v1.checkout.sessions.retrieve(session.id)


def control(simulator: PaymentSimulator, path: str, **body: Any) -> Any:
    answer = httpx.post(f"{simulator.url}/_control/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_checkout_ends_in_a_paid_subscription(client: stripe.StripeClient, endpoint: Endpoint) -> None:
    answer, session = subscribe(client)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://shop.example/done?s={session.id}"
    assert (session.status, session.payment_status, session.client_reference_id) == ("complete", "paid", "account-7")
    subscription = client.v1.subscriptions.retrieve(session.subscription, {"expand": ["latest_invoice"]})
    assert subscription.status == "active"
    assert subscription.metadata["account"] == "7"
    invoice: Any = subscription.latest_invoice
    assert (invoice.status, invoice.amount_paid, invoice.currency) == ("paid", 1900, "eur")
    endpoint.wait_for("checkout.session.completed")
    assert {"customer.subscription.created", "invoice.paid"} <= set(endpoint.types())
    assert httpx.post(answer.request.url, data={"card_number": GOOD}).status_code == 410


@pytest.mark.parametrize("card", [DECLINED, "4000000000009995", "1234"])
def test_a_declined_card_leaves_the_session_open(client: stripe.StripeClient, card: str) -> None:
    answer, session = subscribe(client, card)
    assert answer.status_code == 402
    assert 'role="alert"' in answer.text
    assert (session.status, session.subscription) == ("open", None)


def test_renewals_pay_month_by_month(
    client: stripe.StripeClient, simulator: PaymentSimulator, endpoint: Endpoint
) -> None:
    _, session = subscribe(client)
    control(simulator, "clock", days=95)
    endpoint.wait_for("invoice.paid", 4)
    invoices = client.v1.invoices.list({"subscription": session.subscription}).data
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_cycle"] * 3 + ["subscription_create"]


def test_a_card_that_fails_later_makes_it_past_due_then_cancelled(
    client: stripe.StripeClient, simulator: PaymentSimulator, endpoint: Endpoint
) -> None:
    _, session = subscribe(client, FAILS_LATER)
    control(simulator, "clock", days=32)
    endpoint.wait_for("invoice.payment_failed")
    assert client.v1.subscriptions.retrieve(session.subscription).status == "past_due"
    control(simulator, "clock", days=30)
    endpoint.wait_for("customer.subscription.deleted")
    assert client.v1.subscriptions.retrieve(session.subscription).status == "canceled"
    assert endpoint.types().count("invoice.payment_failed") == 4


def test_a_new_card_mends_a_failed_renewal(
    client: stripe.StripeClient, simulator: PaymentSimulator, endpoint: Endpoint
) -> None:
    _, session = subscribe(client, FAILS_LATER)
    control(simulator, "clock", days=32)
    control(simulator, "cards", customer=session.customer, number=GOOD)
    control(simulator, "clock", days=3)
    endpoint.wait_for("invoice.paid", 2)
    assert client.v1.subscriptions.retrieve(session.subscription).status == "active"


@pytest.mark.parametrize(
    ("proration", "charged_now", "next_total"),
    [("always_invoice", 3000, 4900), ("create_prorations", 0, 7900), ("none", 0, 4900)],
)
def test_an_upgrade_prorates_as_told(
    client: stripe.StripeClient,
    simulator: PaymentSimulator,
    proration: Any,
    charged_now: int,
    next_total: int,
) -> None:
    _, session = subscribe(client)
    subscription = client.v1.subscriptions.retrieve(session.subscription)
    item = subscription["items"].data[0]
    changed = client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": item.id, "price": price(client, 4900).id}], "proration_behavior": proration},
    )
    assert changed["items"].data[0].price.unit_amount == 4900
    newest: Any = client.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (newest.billing_reason == "subscription_update") == (charged_now > 0)
    if charged_now:
        assert newest.amount_paid == pytest.approx(charged_now, abs=2)
    control(simulator, "clock", days=32)
    renewal: Any = client.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert renewal.total == pytest.approx(next_total, abs=2)


def test_cancelling_at_the_end_or_at_once(client: stripe.StripeClient, simulator: PaymentSimulator) -> None:
    _, first = subscribe(client)
    _, second = subscribe(client, amount=2900)
    ending = client.v1.subscriptions.update(first.subscription, {"cancel_at_period_end": True})
    assert (ending.status, ending.cancel_at_period_end) == ("active", True)
    assert client.v1.subscriptions.cancel(second.subscription).status == "canceled"
    control(simulator, "clock", days=32)
    assert client.v1.subscriptions.retrieve(first.subscription).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.cancel(first.subscription)


def test_deliveries_are_retried_until_taken(client: stripe.StripeClient, endpoint: Endpoint) -> None:
    endpoint.failing = 2
    client.v1.customers.create({"email": "a@example.com"})
    endpoint.wait_for("customer.created")


def test_deliveries_can_be_doubled_dropped_and_reordered(
    client: stripe.StripeClient, simulator: PaymentSimulator, endpoint: Endpoint
) -> None:
    control(simulator, "deliveries", mischief="duplicate")
    first = client.v1.customers.create({"email": "a@example.com"})
    endpoint.wait_for("customer.created", 2)
    assert endpoint.events[0].id == endpoint.events[1].id
    control(simulator, "deliveries", mischief="drop")
    client.v1.customers.create({"email": "dropped@example.com"})
    control(simulator, "deliveries", mischief="reorder", count=2)
    client.v1.customers.update(first.id, {"name": "1"})
    client.v1.customers.update(first.id, {"name": "2"})
    endpoint.wait_for("customer.updated", 2)
    assert [event.data.object.name for event in endpoint.events[-2:]] == ["2", "1"]
    assert "dropped@example.com" not in [event.data.object.email for event in endpoint.events]
    dropped: Any = client.v1.events.list({"type": "customer.created"}).data[0]
    control(simulator, f"events/{dropped.id}/resend")
    endpoint.wait_for("customer.created", 3)


def test_a_delayed_event_comes_after_later_ones(
    client: stripe.StripeClient, simulator: PaymentSimulator, endpoint: Endpoint
) -> None:
    control(simulator, "deliveries", mischief="delay", seconds=0.5, types=["customer.created"])
    made = client.v1.customers.create({"email": "a@example.com"})
    client.v1.customers.update(made.id, {"name": "b"})
    endpoint.wait_for("customer.created")
    assert endpoint.types() == ["customer.updated", "customer.created"]


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "anything"])
def test_only_test_keys_are_taken(simulator: PaymentSimulator, key: str) -> None:
    client = stripe.StripeClient(key, base_addresses={"api": simulator.url}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError):
        client.v1.customers.list()


def test_plain_form_calls_work_and_errors_are_stripes(simulator: PaymentSimulator) -> None:
    with httpx.Client(base_url=f"{simulator.url}/v1", auth=("sk_test_1", "")) as plain:
        made = plain.post("/customers", data={"email": "a@example.com", "metadata[plan]": "team"}).json()
        assert made["metadata"] == {"plan": "team"}
        again = [plain.post("/customers", headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(2)]
        assert again[0] == again[1]
        page = plain.get("/customers", params={"limit": 1}).json()
        assert (page["has_more"], len(page["data"])) == (True, 1)
        rest = plain.get("/customers", params={"starting_after": page["data"][0]["id"]}).json()
        assert [customer["id"] for customer in rest["data"]] == [made["id"]]
        error = plain.post("/prices", data={"currency": "eur"}).json()["error"]
        assert (error["type"], error["param"]) == ("invalid_request_error", "unit_amount")
        assert plain.get("/customers/cus_none").status_code == 404
        assert plain.get("/prices", params={"lookup_keys[]": "none"}).json()["data"] == []


def test_wrong_orders_to_the_control_api_are_explained(simulator: PaymentSimulator) -> None:
    for path, body in (("clock", {"days": -1}), ("deliveries", {"mischief": "x"}), ("cards", {"customer": "x"})):
        answer = httpx.post(f"{simulator.url}/_control/{path}", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]


def test_state_outlives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with PaymentSimulator(file=file) as first:
        made = httpx.post(f"{first.url}/v1/customers", auth=("sk_test_1", ""), data={"email": "a@example.com"}).json()
        control(first, "clock", days=1)
    with PaymentSimulator(file=file) as second:
        known = httpx.get(f"{second.url}/v1/customers/{made['id']}", auth=("sk_test_1", "")).json()
        assert known["email"] == "a@example.com"
        assert second.books.now() > time.time() + 80_000
