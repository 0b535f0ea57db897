"""Billing flows: subscribe, upgrade, downgrade, cancel and a failed payment, against test money only."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from golive.people.secrets import is_reference
from golive.readiness.inputs import of_target, short
from golive.readiness.item import Area, Item, Subject, opened
from golive.readiness.journeyed import controls, examine_proofs
from golive.readiness.verdict import CannotTell, Report

LIVE = ("sk_live_", "rk_live_", "pk_live_")


class BillingFlowsSettings(BaseModel):
    """Which billing flows must be proved, and with which key."""

    model_config = ConfigDict(extra="forbid")
    proves: list[str] = [
        "billing.subscribe", "billing.upgrade", "billing.downgrade", "billing.cancel", "billing.failed_payment",
    ]  # fmt: skip
    """What journeys must prove."""
    key: str = ""
    """The payment provider's key of the preview, by reference: a live one is refused before anything runs."""


def examine(subject: Subject) -> Report:
    wanted = subject.settings("billing_flows", BillingFlowsSettings)
    if not wanted.key:
        raise CannotTell("key", "the preview's payment key is not declared", "set [readiness.billing_flows] key")
    given = getattr(subject.wanted, "journeys_environment", {}).values()
    values = [opened(wanted.key, "the payment key"), *(opened(one, "journeys") for one in given if is_reference(one))]
    if any(value.startswith(LIVE) for value in values):
        report = Report(examined=1, expected=len(wanted.proves))
        report.convict("live key", "the preview holds a live payment key: real money would move, nothing was run")
        return report
    return examine_proofs(subject, wanted.proves)


ITEM = Item(
    key="billing_flows",
    order=12,
    area=Area.LAUNCH,
    title="Billing flows tested",
    question="Do people get what they pay for, and only that?",
    examine=examine,
    controls=lambda: list(controls()),
    inputs=lambda subject: {
        **of_target(subject, "billing_flows", "journeys", "journeys_environment"),
        "commit": short(subject.commit),
    },
    changes=True,
    settings=BillingFlowsSettings,
    lasts=timedelta(days=7),
    tools=("playwright", "pytest"),
)
