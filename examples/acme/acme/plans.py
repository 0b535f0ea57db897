"""Plans: what they cost, what they allow, and which change is an upgrade."""

from dataclasses import dataclass
from enum import StrEnum

CURRENCY = "eur"


@dataclass(frozen=True)
class Plan:
    """`price_minor` is per month in cents; a limit of None means no limit."""

    key: str
    name: str
    pitch: str
    price_minor: int
    projects: int | None
    members: int | None
    rank: int

    @property
    def lookup_key(self) -> str:
        """How its price is found at the payment provider."""
        return f"acme_{self.key}_monthly"

    @property
    def price(self) -> str:
        """For people: "€19" or "Free"."""
        euros, cents = divmod(self.price_minor, 100)
        return f"€{euros}" + (f".{cents:02d}" if cents else "") if self.price_minor else "Free"


FREE = Plan("free", "Free", "For trying it out", 0, projects=3, members=2, rank=0)
TEAM = Plan("team", "Team", "For a team that ships", 1900, projects=25, members=10, rank=1)
BUSINESS = Plan("business", "Business", "For several teams", 4900, projects=None, members=None, rank=2)
PLANS = {plan.key: plan for plan in (FREE, TEAM, BUSINESS)}
PAID = (TEAM, BUSINESS)


class Change(StrEnum):
    """What a change of plan is called in the events."""

    STARTED = "subscription.started"
    UPGRADED = "subscription.upgraded"
    DOWNGRADED = "subscription.downgraded"
    CANCELLED = "subscription.cancelled"


@dataclass(frozen=True)
class Standing:
    """A subscription as it matters to entitlements. `ending`: cancelled, but paid until the period's end."""

    plan: str
    status: str
    ending: bool = False

    @property
    def entitled(self) -> bool:
        """Whether the plan is in force: while paid, and while a failed renewal is being retried."""
        return self.status in ("active", "trialing", "past_due")


def plan_in_force(standing: Standing | None) -> Plan:
    """The plan that the account may use now."""
    if standing is None or not standing.entitled:
        return FREE
    return PLANS.get(standing.plan, FREE)


def change_between(before: Standing | None, after: Standing) -> Change | None:
    """What happened between two states of a subscription; None when nothing that the business counts."""
    was, now = plan_in_force(before), plan_in_force(after)
    was_leaving = before is not None and (before.ending or not before.entitled)
    if (after.ending or not after.entitled) and before is not None and not was_leaving:
        return Change.CANCELLED
    if now.rank == was.rank or not after.entitled:
        return None
    if was is FREE:
        return Change.STARTED
    return Change.UPGRADED if now.rank > was.rank else Change.DOWNGRADED


def room_for_project(plan: Plan, projects: int) -> bool:
    """Whether one more project fits."""
    return plan.projects is None or projects < plan.projects


def room_for_member(plan: Plan, members: int) -> bool:
    """Whether one more person fits."""
    return plan.members is None or members < plan.members
