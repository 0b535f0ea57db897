"""The plan page: checkout, upgrade, downgrade, cancellation, invoices."""

import logging
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from acme.database import Db
from acme.models import Payment, Role, Subscription, User
from acme.payments.client import PaymentClient, PaymentError, ProviderSubscription
from acme.payments.subscriptions import locked_account, standing_of, take_over
from acme.plans import PAID, PLANS, Standing
from acme.telemetry.events import tell
from acme.web.identity import AppSettings, Member
from acme.web.render import go, page

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/billing", include_in_schema=False)


@router.get("")
def billing(request: Request, db: Db, user: Member, paid: str = "") -> Response:
    return _page(request, db, user, waiting=bool(paid) and user.account.plan == "free")


@router.post("/plan")
def choose(
    request: Request, db: Db, user: Member, settings: AppSettings, plan: Annotated[str, Form()] = ""
) -> Response:
    """The first paid plan goes to the provider's checkout, a later change is made at once."""
    _only_owner(user)
    wanted = next((known for known in PAID if known.key == plan), None)
    if wanted is None:
        raise HTTPException(422, "There is no such plan.")
    client: PaymentClient = request.app.state.payments
    standing, subscription = _current(db, user)
    try:
        if subscription is not None and standing is not None and standing.entitled:
            ident = subscription.stripe_id
            _apply(db, user, lambda: client.change_plan(ident, wanted))
            return go("/billing", told=f"You are on the {wanted.name} plan now.")
        back = f"{settings.url}/billing"
        customer = user.account.stripe_customer
        return RedirectResponse(client.checkout(wanted, user.account_id, customer, user.email, back), status_code=303)
    except PaymentError as error:
        return _failed(request, db, user, error)


@router.post("/cancel")
def cancel(request: Request, db: Db, user: Member) -> Response:
    return _end(request, db, user, ending=True)


@router.post("/resume")
def resume(request: Request, db: Db, user: Member) -> Response:
    return _end(request, db, user, ending=False)


def _end(request: Request, db: Db, user: User, *, ending: bool) -> Response:
    _only_owner(user)
    standing, subscription = _current(db, user)
    if subscription is None or standing is None or not standing.entitled:
        raise HTTPException(409, "There is no subscription to change.")
    client: PaymentClient = request.app.state.payments
    ident = subscription.stripe_id
    try:
        _apply(db, user, lambda: client.end_at_period_end(ident, ending))
    except PaymentError as error:
        return _failed(request, db, user, error)
    return go("/billing", told="Your plan ends with the paid period." if ending else "Your plan goes on.")


def _apply(db: Db, user: User, ask: Callable[[], ProviderSubscription]) -> None:
    """Change a subscription at the provider. Its webhook of the same change waits for us, and finds nothing new."""
    account = locked_account(db, user.account_id)
    if account is None:
        raise HTTPException(404)
    change = take_over(db, account, ask())
    db.commit()
    if change is not None:
        tell(change, user)


def _current(db: Db, user: User) -> tuple[Standing | None, Subscription | None]:
    subscription = db.get(Subscription, user.account_id)
    return standing_of(subscription), subscription


def _only_owner(user: User) -> None:
    if user.role != Role.OWNER:
        raise HTTPException(403, "Only the owner of the account changes the plan.")


def _failed(request: Request, db: Db, user: User, error: PaymentError) -> Response:
    logger.error("payment provider: %s", error)
    db.rollback()
    return _page(request, db, user, problem=error.for_people, status=502)


def _page(
    request: Request, db: Db, user: User, *, status: int = 200, problem: str = "", waiting: bool = False
) -> Response:
    payments = select(Payment).where(Payment.account_id == user.account_id).order_by(Payment.at.desc()).limit(24)
    standing, subscription = _current(db, user)
    return page(
        request,
        "billing.html",
        status=status,
        plans=PLANS.values(),
        standing=standing,
        subscription=subscription,
        payments=list(db.scalars(payments)),
        is_owner=user.role == Role.OWNER,
        problem=problem,
        waiting=waiting,
    )
