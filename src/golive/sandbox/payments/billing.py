"""What happens to money: checkout, renewal, change of plan, cancellation. Every step leaves its events."""

from typing import Any

from golive.sandbox.payments.books import Books, Object, new_id
from golive.sandbox.payments.cards import Card, card_of
from golive.sandbox.payments.periods import next_retry, period_end, prorated


class Declined(Exception):
    """The card was declined; the argument is Stripe's decline code."""


def pay_session(books: Books, session: Object, card: Card) -> Object:
    """A person pays an open checkout session: a customer, a subscription and a paid invoice. Raises Declined."""
    if card.declined:
        raise Declined(card.declined)
    customer = books.find(session["customer"]) or new_customer(books, email=session["customer_email"])
    books.cards[customer["id"]] = card.number
    session.update(customer=customer["id"], status="complete", payment_status="paid", url=None)
    price = books.table("price")[session["line_items"]["data"][0]["price"]["id"]]
    if session["mode"] == "subscription":
        quantity = session["line_items"]["data"][0]["quantity"]
        subscription = _new_subscription(books, customer, price, quantity, session["subscription_data"]["metadata"])
        invoice = _invoice(books, subscription, [_line(price["unit_amount"] * quantity, price)], "subscription_create")
        _settle(books, invoice, card)
        session.update(subscription=subscription["id"], invoice=invoice["id"])
        books.happened("customer.subscription.created", subscription)
        _tell_paid(books, invoice)
    books.happened("checkout.session.completed", session)
    return session


def new_customer(books: Books, **fields: Any) -> Object:
    """A customer without a card."""
    customer = books.add(
        "customer", "cus", **{"email": None, "name": None, "description": None, "delinquent": False, **fields}
    )
    books.happened("customer.created", customer)
    return customer


def settle_due(books: Books, now: int) -> int:
    """Renew, retry and end everything whose time has come by `now`, in the order of time; returns how many steps."""
    steps = 0
    while due := _next_due(books, now):
        at, subscription = due
        _step(books, subscription, at)
        steps += 1
    return steps


def change_price(books: Books, subscription: Object, price: Object, quantity: int, proration: str) -> None:
    """Upgrade or downgrade. Proration: `create_prorations` bills the difference with the next invoice,
    `always_invoice` at once, `none` not at all. Raises Declined when charging at once fails."""
    now, item = books.now(), subscription["items"]["data"][0]
    old, old_quantity = item["price"], item["quantity"]
    before = {"items": {"data": [dict(item)]}}
    start, end = item["current_period_start"], item["current_period_end"]
    lines = [
        _line(-prorated(old["unit_amount"] * old_quantity, start, end, now), old, proration=True),
        _line(prorated(price["unit_amount"] * quantity, start, end, now), price, proration=True),
    ]
    if proration == "always_invoice":
        invoice = _invoice(books, subscription, lines, "subscription_update")
        _charge_or_decline(books, invoice)
        _tell_paid(books, invoice)
    elif proration == "create_prorations":
        subscription["pending_lines"].extend(lines)
    item.update(price=price, quantity=quantity)
    subscription.update(plan=_plan(price), quantity=quantity)
    books.happened("customer.subscription.updated", subscription, before)


def cancel(books: Books, subscription: Object, at: int, reason: str = "cancellation_requested") -> None:
    """End a subscription now."""
    subscription.update(status="canceled", canceled_at=at, ended_at=at, next_attempt_at=None)
    subscription["cancellation_details"] = {"reason": reason, "comment": None, "feedback": None}
    books.happened("customer.subscription.deleted", subscription)


def pay_invoice(books: Books, invoice: Object) -> None:
    """Charge an open invoice again. Raises Declined."""
    _charge_or_decline(books, invoice)
    subscription = books.find(invoice["subscription"])
    if subscription and subscription["status"] == "past_due":
        _set_status(books, subscription, "active")
    _tell_paid(books, invoice)


def _next_due(books: Books, now: int) -> tuple[int, Object] | None:
    waiting = [
        (subscription["next_attempt_at"] or subscription["current_period_end"], subscription)
        for subscription in books.table("subscription").values()
        if subscription["status"] in ("active", "past_due")
    ]
    due = [(at, subscription) for at, subscription in waiting if at <= now]
    return min(due, key=lambda pair: pair[0], default=None)


def _step(books: Books, subscription: Object, at: int) -> None:
    if subscription["next_attempt_at"]:
        _attempt(books, subscription, books.table("invoice")[subscription["latest_invoice"]], at)
    elif subscription["cancel_at_period_end"]:
        cancel(books, subscription, at)
    else:
        _renew(books, subscription, at)


def _renew(books: Books, subscription: Object, at: int) -> None:
    item = subscription["items"]["data"][0]
    before = {"current_period_end": item["current_period_end"]}
    _set_period(subscription, at)
    lines = [*subscription["pending_lines"], _line(item["price"]["unit_amount"] * item["quantity"], item["price"])]
    subscription["pending_lines"] = []
    invoice = _invoice(books, subscription, lines, "subscription_cycle")
    books.happened("customer.subscription.updated", subscription, before)
    _attempt(books, subscription, invoice, at)


def _attempt(books: Books, subscription: Object, invoice: Object, at: int) -> None:
    card = card_of(books.cards.get(subscription["customer"], ""))
    invoice["attempt_count"] += 1
    if not (card.declined or card.renewal_declined):
        _settle(books, invoice, card)
        subscription["next_attempt_at"] = None
        if subscription["status"] == "past_due":
            _set_status(books, subscription, "active")
        _tell_paid(books, invoice)
        return
    retry_at = next_retry(at, invoice["attempt_count"])
    invoice.update(next_payment_attempt=retry_at, last_finalization_error=None)
    subscription["next_attempt_at"] = retry_at
    books.happened("invoice.payment_failed", invoice)
    if subscription["status"] == "active":
        _set_status(books, subscription, "past_due")
    if retry_at is None:
        cancel(books, subscription, at, "payment_failed")


def _set_status(books: Books, subscription: Object, status: str) -> None:
    before = {"status": subscription["status"]}
    subscription.update(status=status, **({"next_attempt_at": None} if status == "active" else {}))
    books.happened("customer.subscription.updated", subscription, before)


def _new_subscription(books: Books, customer: Object, price: Object, quantity: int, metadata: dict[str, str]) -> Object:
    item = {
        "id": new_id("si"),
        "object": "subscription_item",
        "created": books.now(),
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }
    subscription = books.add(
        "subscription",
        "sub",
        customer=customer["id"],
        status="active",
        items={"object": "list", "data": [item], "has_more": False, "total_count": 1, "url": "/v1/subscription_items"},
        plan=_plan(price),
        quantity=quantity,
        currency=price["currency"],
        collection_method="charge_automatically",
        cancel_at_period_end=False,
        cancel_at=None,
        canceled_at=None,
        ended_at=None,
        latest_invoice=None,
        start_date=books.now(),
        metadata=metadata,
        pending_lines=[],
        next_attempt_at=None,
    )
    _set_period(subscription, books.now())
    return subscription


def _set_period(subscription: Object, start: int) -> None:
    """Both where Stripe keeps the period today (the item) and where it was before 2025 (the subscription)."""
    item = subscription["items"]["data"][0]
    recurring = item["price"]["recurring"]
    period = {
        "current_period_start": start,
        "current_period_end": period_end(start, recurring["interval"], recurring["interval_count"]),
    }
    item.update(period)
    subscription.update(period)


def _invoice(books: Books, subscription: Object, lines: list[Object], reason: str) -> Object:
    total = sum(line["amount"] for line in lines)
    invoice = books.add(
        "invoice",
        "in",
        customer=subscription["customer"],
        subscription=subscription["id"],
        parent={
            "type": "subscription_details",
            "subscription_details": {"subscription": subscription["id"], "metadata": subscription["metadata"]},
        },
        billing_reason=reason,
        currency=subscription["currency"],
        status="open",
        total=total,
        amount_due=max(total, 0),
        amount_paid=0,
        amount_remaining=max(total, 0),
        attempt_count=0,
        next_payment_attempt=None,
        lines={"object": "list", "data": lines, "has_more": False, "total_count": len(lines)},
        number=f"ACME-{len(books.table('invoice')) + 1:05d}",
        charge=None,
        payment_intent=None,
    )
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def _charge_or_decline(books: Books, invoice: Object) -> None:
    card = card_of(books.cards.get(invoice["customer"], ""))
    invoice["attempt_count"] += 1
    code = card.declined or card.renewal_declined
    if code and invoice["amount_due"]:
        books.happened("invoice.payment_failed", invoice)
        raise Declined(code)
    _settle(books, invoice, card)


def _settle(books: Books, invoice: Object, card: Card) -> None:
    if invoice["amount_due"]:
        intent = books.add(
            "payment_intent",
            "pi",
            amount=invoice["amount_due"],
            currency=invoice["currency"],
            customer=invoice["customer"],
            status="succeeded",
            invoice=invoice["id"],
            payment_method_options={"card": {"last4": card.last4}},
        )
        invoice["payment_intent"] = intent["id"]
    invoice.update(status="paid", amount_paid=invoice["amount_due"], amount_remaining=0, next_payment_attempt=None)


def _tell_paid(books: Books, invoice: Object) -> None:
    books.happened("invoice.paid", invoice)
    books.happened("invoice.payment_succeeded", invoice)


def _line(amount: int, price: Object, *, proration: bool = False) -> Object:
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": price["nickname"] or price["lookup_key"] or price["id"],
        "price": price,
        "proration": proration,
    }


def _plan(price: Object) -> Object:
    return {
        "id": price["id"],
        "object": "plan",
        "amount": price["unit_amount"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "product": price["product"],
    }
