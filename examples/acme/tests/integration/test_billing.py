"""Plans and payment webhooks: once each, in any order."""

import itertools
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from acme.mail import Letter
from acme.models import Payment, PaymentEvent
from acme.telemetry import events
from tests.integration.conftest import Browser
from tests.integration.provider import Provider, signed


def deliver(browser: Browser, event: dict[str, Any]) -> Any:
    body, headers = signed(event)
    return browser.client.post("/webhooks/payments", content=body, headers=headers)


def plan_of(browser: Browser) -> str:
    plan: str = browser.client.get("/api/me").json()["plan"]
    return plan


def test_the_first_plan_leads_to_the_checkout(browser: Browser, provider: Provider) -> None:
    browser.sign_up()
    answer = browser.post("/billing/plan", "/billing", plan="team")
    assert answer.headers["location"] == "http://pay.example/pay/1"
    assert provider.sessions[0]["client_reference_id"] == "1"
    assert plan_of(browser) == "free"


def test_a_webhook_brings_the_plan_and_the_invoice(browser: Browser, provider: Provider, db: Session) -> None:
    browser.sign_up()
    subscription = provider.pay(1)
    assert (
        deliver(browser, provider.event("invoice.paid", provider.invoice(subscription))).json()["status"] == "applied"
    )
    page = browser.get("/billing")
    assert "You are on the Team plan" in page
    assert "19.00 EUR" in page


def test_upgrade_downgrade_cancel_resume(browser: Browser, provider: Provider) -> None:
    browser.sign_up()
    deliver(browser, provider.event("customer.subscription.created", {"id": provider.pay(1)}))
    browser.post("/billing/plan", "/billing", plan="business")
    assert plan_of(browser) == "business"
    browser.post("/billing/plan", "/billing", plan="team")
    assert plan_of(browser) == "team"
    browser.post("/billing/cancel", "/billing")
    assert "Ends on" in browser.get("/billing")
    assert plan_of(browser) == "team"
    browser.post("/billing/resume", "/billing")
    assert "Renews on" in browser.get("/billing")


def test_the_end_of_a_subscription_is_the_end_of_the_plan(browser: Browser, provider: Provider) -> None:
    browser.sign_up()
    ident = provider.pay(1)
    deliver(browser, provider.event("customer.subscription.created", {"id": ident}))
    provider.subscriptions[ident]["status"] = "canceled"
    deliver(browser, provider.event("customer.subscription.deleted", {"id": ident}))
    assert plan_of(browser) == "free"
    assert browser.post("/billing/cancel", "/billing").status_code == 409


def test_an_event_counts_once(browser: Browser, provider: Provider, db: Session) -> None:
    browser.sign_up()
    event = provider.event("invoice.paid", provider.invoice(provider.pay(1)))
    assert [deliver(browser, event).json()["status"] for _ in range(3)] == ["applied", "duplicate", "duplicate"]
    assert len(db.scalars(select(Payment)).all()) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_events_in_any_order_end_alike(
    browser: Browser, provider: Provider, db: Session, order: tuple[int, ...]
) -> None:
    browser.sign_up()
    ident = provider.pay(1)
    invoice = provider.invoice(ident)
    events = [
        provider.event("checkout.session.completed", {"id": "cs_1", "subscription": ident}),
        provider.event("customer.subscription.created", {"id": ident}),
        provider.event("invoice.paid", invoice),
    ]
    for index in order:
        assert deliver(browser, events[index]).status_code == 200
    assert plan_of(browser) == "team"
    assert [payment.amount_minor for payment in db.scalars(select(Payment))] == [1900]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the business events, as they are told."""
    names: list[str] = []

    class Hearing:
        def emit(self, *, event_name: str, **_: Any) -> None:
            names.append(event_name)

    monkeypatch.setattr(events, "get_logger", lambda name: Hearing())
    return names


def business_of(told: list[str]) -> list[str]:
    return [name for name in told if name.startswith("subscription.")]


def test_a_webhook_that_overtakes_the_change_that_it_is_of_tells_it_no_second_time(
    browser: Browser, provider: Provider, told: list[str]
) -> None:
    browser.sign_up()
    ident = provider.pay(1)
    deliver(browser, provider.event("customer.subscription.created", {"id": ident}))
    updated = provider.event("customer.subscription.updated", {"id": ident})
    webhook = Thread(target=deliver, args=(browser, updated))

    def overtake() -> None:
        webhook.start()
        webhook.join(1)

    provider.meanwhile = [lambda: None, overtake]  # the subscription is asked for, then changed
    assert browser.post("/billing/plan", "/billing", plan="business").status_code == 303
    webhook.join()
    assert business_of(told) == ["subscription.started", "subscription.upgraded"]
    assert plan_of(browser) == "business"


def test_a_webhook_that_a_change_overtakes_does_not_take_it_back(
    browser: Browser, provider: Provider, told: list[str]
) -> None:
    browser.sign_up()
    ident = provider.pay(1)
    deliver(browser, provider.event("customer.subscription.created", {"id": ident}))
    provider.meanwhile = [lambda: browser.post("/billing/plan", "/billing", plan="business")]
    deliver(browser, provider.event("invoice.paid", provider.invoice(ident)))
    assert business_of(told) == ["subscription.started", "subscription.upgraded"]
    assert plan_of(browser) == "business"


def test_a_failure_that_arrives_after_the_payment_changes_nothing(
    browser: Browser, provider: Provider, db: Session, letters: list[Letter]
) -> None:
    browser.sign_up()
    invoice = provider.invoice(provider.pay(1))
    deliver(browser, provider.event("invoice.paid", invoice))
    deliver(browser, provider.event("invoice.payment_failed", invoice))
    assert [payment.status for payment in db.scalars(select(Payment))] == ["paid"]
    assert not [letter for letter in letters if "payment" in letter.subject]


def test_a_failed_renewal_is_mailed_to_the_owner(browser: Browser, provider: Provider, letters: list[Letter]) -> None:
    browser.sign_up()
    ident = provider.pay(1)
    provider.subscriptions[ident]["status"] = "past_due"
    deliver(browser, provider.event("invoice.payment_failed", provider.invoice(ident)))
    assert letters[-1].subject == "Your payment did not go through"
    assert "The last payment failed" in browser.get("/billing")
    assert plan_of(browser) == "team"


def test_an_old_subscriptions_end_does_not_touch_the_new_one(browser: Browser, provider: Provider) -> None:
    browser.sign_up()
    old, new = provider.pay(1), provider.pay(1, "business")
    deliver(browser, provider.event("customer.subscription.created", {"id": old}))
    deliver(browser, provider.event("customer.subscription.created", {"id": new}))
    provider.subscriptions[old]["status"] = "canceled"
    deliver(browser, provider.event("customer.subscription.deleted", {"id": old}))
    assert plan_of(browser) == "business"


@pytest.mark.parametrize(
    "broken",
    [
        lambda body, headers: (body, {}),
        lambda body, headers: (body + b" ", headers),
        lambda body, headers: (body, {"Stripe-Signature": "t=1,v1=00"}),
        lambda body, headers: (b"[]", headers),
    ],
)
def test_what_the_provider_did_not_sign_has_no_effect(
    browser: Browser, provider: Provider, db: Session, broken: Any
) -> None:
    browser.sign_up()
    body, headers = broken(*signed(provider.event("customer.subscription.created", {"id": provider.pay(1)})))
    assert browser.client.post("/webhooks/payments", content=body, headers=headers).status_code == 400
    assert plan_of(browser) == "free"
    assert db.scalars(select(PaymentEvent)).all() == []


def test_a_delivery_signed_with_another_secret_or_long_ago_is_refused(browser: Browser, provider: Provider) -> None:
    event = provider.event("customer.subscription.created", {"id": "sub_1"})
    for body, headers in (signed(event, "whsec_other"), signed(event, at=1_700_000_000)):
        assert browser.client.post("/webhooks/payments", content=body, headers=headers).status_code == 400


def test_a_failure_while_processing_leaves_the_event_for_the_retry(
    browser: Browser, provider: Provider, db: Session
) -> None:
    browser.sign_up()
    event = provider.event("customer.subscription.created", {"id": provider.pay(1)})
    provider.down = True
    assert deliver(browser, event).status_code == 500
    assert db.scalars(select(PaymentEvent)).all() == []
    provider.down = False
    assert deliver(browser, event).json()["status"] == "applied"
    assert plan_of(browser) == "team"


@pytest.mark.parametrize("kind", ["customer.created", "price.created"])
def test_events_that_do_not_concern_us_are_taken(browser: Browser, provider: Provider, kind: str) -> None:
    assert deliver(browser, provider.event(kind, {"id": "x"})).json()["status"] == "ignored"


def test_an_unknown_account_is_not_an_error(browser: Browser, provider: Provider) -> None:
    event = provider.event("customer.subscription.created", {"id": provider.pay(999)})
    assert deliver(browser, event).json()["status"] == "unknown account"


def test_a_provider_that_is_down_is_told_to_people(browser: Browser, provider: Provider) -> None:
    browser.sign_up()
    provider.down = True
    answer = browser.post("/billing/plan", "/billing", plan="team")
    assert answer.status_code == 502
    assert "could not be made" in answer.text


def test_only_the_owner_pays(browser: Browser, other: Browser, provider: Provider, db: Session) -> None:
    browser.sign_up()
    db.execute(text("UPDATE person SET role = 'member'"))
    db.commit()
    assert browser.post("/billing/plan", "/app", plan="team").status_code == 403
    assert provider.sessions == []
