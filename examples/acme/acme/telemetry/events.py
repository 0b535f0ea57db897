"""Business events: OpenTelemetry log records with an event name, in the trace of the request that caused them."""

import time
from dataclasses import dataclass
from enum import StrEnum

from opentelemetry._logs import SeverityNumber, get_logger

from acme.models import User


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
    tell_of(name, user_id=user.id, account_id=user.account_id, money=money)


def tell_of(name: str, *, user_id: int | None, account_id: int, money: Money | None = None) -> None:
    """`tell` for code that knows ids only."""
    attributes: dict[str, str | int] = {"account.id": str(account_id)}
    if user_id is not None:
        attributes["user.id"] = str(user_id)
    if money is not None:
        attributes |= {"amount_minor": money.amount_minor, "currency": money.currency.upper()}
    get_logger("acme.business").emit(
        timestamp=time.time_ns(),
        severity_number=SeverityNumber.INFO,
        severity_text="INFO",
        body=name,
        event_name=name,
        attributes=attributes,
    )
