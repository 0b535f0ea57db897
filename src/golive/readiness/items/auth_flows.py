"""Authentication flows: signup, login, reset and second factor, run now in a real browser with real mail.

The journeys are the product's own; what must be refused around them golive tries itself.
"""

import time
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from golive.readiness import refusals_planted
from golive.readiness.asking import Site
from golive.readiness.inputs import of_target, short
from golive.readiness.item import Area, Item, Subject, command_environment
from golive.readiness.journeyed import controls, examine_proofs
from golive.readiness.programs import run_json
from golive.readiness.refusals import Refusals, RefusalSettings, people
from golive.readiness.verdict import CannotTell, Report


class AuthFlowsSettings(BaseModel):
    """Which authentication flows must be proved."""

    model_config = ConfigDict(extra="forbid")
    proves: list[str] = ["auth.signup", "auth.login", "auth.reset", "auth.mfa"]
    """What journeys must prove."""
    refusals: RefusalSettings = RefusalSettings()
    """What golive itself tries: a wrong password, a used link, a used code, a session from before a reset."""


def examine(subject: Subject) -> Report:
    wanted = subject.settings("auth_flows", AuthFlowsSettings)
    report = examine_proofs(subject, wanted.proves)
    try:
        report.absorb(examine_refusals(subject, wanted.refusals))
    except CannotTell as error:
        report.doubts.append(error.doubt)
    return report


def examine_refusals(subject: Subject, wanted: RefusalSettings) -> Report:
    """What must be refused. Raises CannotTell when it is not declared, or nobody gets in."""
    missing = [name for name in ("account", "inside", "login", "forgot", "reset", "mail") if not getattr(wanted, name)]
    if missing:
        raise CannotTell(
            "refusals",
            "what golive should try on the login is not declared, so nothing says that it refuses",
            f"set [readiness.auth_flows.refusals] {', '.join(missing)}",
        )
    who = people(run_json(wanted.account, subject.folder(), command_environment(subject)))
    known = [one for one in (who.plain, who.second_factor) if one is not None]
    site = subject.site([secret for one in known for secret in (one.password, one.secret) if secret])
    return Refusals(site, wanted, Site(wanted.mail, policy=subject.policy), time.time).examine(who)


ITEM = Item(
    key="auth_flows",
    order=11,
    area=Area.LAUNCH,
    title="Authentication flows tested",
    question="Can people sign up, log in, reset their password and use a second factor?",
    examine=examine,
    controls=lambda: [*controls(), *refusals_planted.controls()],
    inputs=lambda subject: {
        **of_target(subject, "auth_flows", "journeys", "journeys_environment"),
        "commit": short(subject.commit),
    },
    changes=True,
    settings=AuthFlowsSettings,
    lasts=timedelta(days=7),
    tools=("playwright", "pytest"),
)
