"""Business events: OpenTelemetry log records with an event name, in the trace of the request that caused them."""

import time
from dataclasses import dataclass
from enum import StrEnum

from opentelemetry._logs import SeverityNumber, get_logger

from acme.models import User
from acme.telemetry.synthetic import ATTRIBUTE, KIND, is_synthetic


class Event(StrEnum):
    """What the business counts; `subscription.*` are named by `plans.Change`."""

    SIGNED_UP = "user.signed_up"
    VERIFIED = "user.verified"
    LOGGED_IN = "user.logged_in"
    TASK_CREATED = "task.created"
    REPORT_VIEWED = "report.viewed"
    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"


@dataclass(frozen=True)
class Money:
    """An amount in minor units (cents)."""

    amount_minor: int
    currency: str


def tell(name: str, user: User, money: Money | None = None) -> None:
    """Tell that something happened, after the transaction that made it true."""
    tell_of(name, user_id=user.id, account_id=user.account_id, email=user.email, money=money)


def tell_of(
    name: str, *, user_id: int | None, account_id: int, email: str | None = None, money: Money | None = None
) -> None:
    """`tell` for code that knows ids only. An `email` that belongs to a journey keeps the event out of the business."""
    attributes: dict[str, str | int] = {"account.id": str(account_id)}
    if user_id is not None:
        attributes["user.id"] = str(user_id)
    if money is not None:
        attributes |= {"amount_minor": money.amount_minor, "currency": money.currency.upper()}
    if is_synthetic(email):
        attributes[ATTRIBUTE] = KIND
    get_logger("acme.business").emit(
        timestamp=time.time_ns(),
        severity_number=SeverityNumber.INFO,
        severity_text="INFO",
        body=name,
        event_name=name,
        attributes=attributes,
    )
