"""Working through one webhook event: once, and in whatever order events arrive.

Events only say that something changed. What it is now is asked of the provider, so that late, early and repeated
events all end in the same state.
"""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from acme.models import Account, Payment, PaymentEvent, Role, User
from acme.payments.client import PaymentClient
from acme.payments.subscriptions import locked_account, take_over
from acme.telemetry.events import Event, Money, tell_of

logger = logging.getLogger(__name__)

_SUBSCRIPTION_EVENTS = {
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "checkout.session.completed",
}
_INVOICE_EVENTS = {"invoice.paid": "paid", "invoice.payment_failed": "failed"}


@dataclass
class Outcome:
    """What a delivery led to: a word for the log, what to tell the business, whom to write about a failed payment."""

    word: str
    account_id: int = 0
    owner: User | None = None
    news: list[tuple[str, Money | None]] = field(default_factory=list)
    payment_failed: bool = False

    def tell(self) -> None:
        """Tell the business, after the transaction."""
        for name, money in self.news:
            owner = self.owner
            tell_of(
                name,
                user_id=owner.id if owner else None,
                account_id=self.account_id,
                email=owner.email if owner else None,
                money=money,
            )


def process(db: Session, client: PaymentClient, event: dict[str, Any]) -> Outcome:
    """Apply an event in one transaction. A failure leaves nothing behind, so that the provider's retry counts."""
    kind, subject = str(event.get("type", "")), event.get("data", {}).get("object", {})
    if kind not in _SUBSCRIPTION_EVENTS and kind not in _INVOICE_EVENTS:
        return Outcome("ignored")
    if not _first_time(db, event):
        db.rollback()
        return Outcome("duplicate")
    ident = _subscription_id(kind, subject)
    if ident is None:
        db.commit()
        return Outcome("without subscription")
    account = locked_account(db, client.subscription(ident).account_id)
    if account is None:
        db.commit()
        logger.warning("payment event for an unknown account", extra={"event.id": event["id"], "event.type": kind})
        return Outcome("unknown account")
    outcome = Outcome("applied", account.id, _owner(db, account))
    change = take_over(db, account, client.subscription(ident))  # again: it may have changed until we held the account
    if change is not None:
        outcome.news.append((change, None))
    if kind in _INVOICE_EVENTS:
        _record_invoice(db, account, subject, _INVOICE_EVENTS[kind], outcome)
    db.commit()
    return outcome


def _first_time(db: Session, event: dict[str, Any]) -> bool:
    row = insert(PaymentEvent).values(id=str(event["id"]), type=str(event["type"]))
    return db.execute(row.on_conflict_do_nothing().returning(PaymentEvent.id)).first() is not None


def _subscription_id(kind: str, subject: dict[str, Any]) -> str | None:
    if kind.startswith("customer.subscription."):
        return str(subject["id"])
    if found := subject.get("subscription"):
        return str(found)
    parent = (subject.get("parent") or {}).get("subscription_details") or {}
    return str(parent["subscription"]) if parent.get("subscription") else None


def _owner(db: Session, account: Account) -> User | None:
    owners = select(User).where(User.account_id == account.id, User.role == Role.OWNER).order_by(User.id).limit(1)
    return db.scalar(owners)


def _record_invoice(db: Session, account: Account, invoice: dict[str, Any], status: str, outcome: Outcome) -> None:
    known = db.get(Payment, invoice["id"])
    if known is not None and known.status == "paid":  # a failure that arrives after the payment is old news
        return
    amount = int(invoice["amount_paid"] if status == "paid" else invoice["amount_due"])
    payment = known or Payment(invoice_id=invoice["id"], account_id=account.id)
    payment.amount_minor, payment.currency, payment.status = amount, str(invoice["currency"]), status
    payment.at = datetime.fromtimestamp(int(invoice["created"]), UTC)
    db.add(payment)
    if status == "paid" and amount:
        outcome.news.append((Event.PAYMENT_SUCCEEDED, Money(amount, payment.currency)))
    elif status == "failed":
        outcome.news.append((Event.PAYMENT_FAILED, Money(amount, payment.currency)))
        outcome.payment_failed = True
