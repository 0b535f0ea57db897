"""What a subscription at the provider means for an account here."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from acme.models import Account, Subscription
from acme.payments.client import ProviderSubscription
from acme.plans import Change, Standing, change_between, plan_in_force


def standing_of(subscription: Subscription | None) -> Standing | None:
    """The state that we last learned."""
    if subscription is None:
        return None
    return Standing(subscription.plan, subscription.status, subscription.ends_at_period_end)


def locked_account(db: Session, account_id: int) -> Account | None:
    """The account as it is now, held until the end of the transaction: what was read before it was held may be old.

    Ask the provider while holding it, so that neither deliveries nor people's own changes pass each other.
    """
    wanted = select(Account).where(Account.id == account_id).with_for_update()
    return db.scalar(wanted.execution_options(populate_existing=True))


def take_over(db: Session, account: Account, now: ProviderSubscription) -> Change | None:
    """Bring a locked account in line with the provider's present state and say what changed. The caller commits.

    An old subscription that ended says nothing about the account when a newer one is in force.
    """
    kept = db.get(Subscription, account.id, populate_existing=True)
    if kept is not None and kept.stripe_id != now.id:
        if not now.standing.entitled:
            return None
        before: Standing | None = Standing(kept.plan, "canceled")
    else:
        before = standing_of(kept)
    if kept is None:
        kept = Subscription(account_id=account.id)
        db.add(kept)
    kept.stripe_id, kept.plan, kept.status = now.id, now.plan, now.status
    kept.ends_at_period_end, kept.period_end = now.ends_at_period_end, now.period_end
    account.stripe_customer = now.customer
    account.plan = plan_in_force(now.standing).key
    return change_between(before, now.standing)
