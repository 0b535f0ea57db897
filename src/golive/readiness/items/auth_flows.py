"""Authentication flows: signup, login, reset and second factor, run now in a real browser with real mail."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from golive.readiness.inputs import of_target, short
from golive.readiness.item import Area, Item, Subject
from golive.readiness.journeyed import controls, examine_proofs
from golive.readiness.verdict import Report


class AuthFlowsSettings(BaseModel):
    """Which authentication flows must be proved."""

    model_config = ConfigDict(extra="forbid")
    proves: list[str] = ["auth.signup", "auth.login", "auth.reset", "auth.mfa"]
    """What journeys must prove."""


def examine(subject: Subject) -> Report:
    return examine_proofs(subject, subject.settings("auth_flows", AuthFlowsSettings).proves)


ITEM = Item(
    key="auth_flows",
    order=11,
    area=Area.LAUNCH,
    title="Authentication flows tested",
    question="Can people sign up, log in, reset their password and use a second factor?",
    examine=examine,
    controls=lambda: list(controls()),
    inputs=lambda subject: {
        **of_target(subject, "auth_flows", "journeys", "journeys_environment"),
        "commit": short(subject.commit),
    },
    changes=True,
    settings=AuthFlowsSettings,
    lasts=timedelta(days=7),
    tools=("playwright", "pytest"),
)
