"""The account: its people and its API keys."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Form, HTTPException, Request, Response

from acme import onboarding, people
from acme.database import Db
from acme.mail import invitation
from acme.models import Role, User
from acme.onboarding import Step
from acme.people import Refused
from acme.plans import PLANS, room_for_member
from acme.web.identity import AppSettings, Member, Now
from acme.web.render import go, page

router = APIRouter(prefix="/team", include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("")
def team(request: Request, db: Db, user: Member) -> Response:
    return _page(request, db, user)


@router.post("/members")
def invite(
    request: Request,
    db: Db,
    user: Member,
    at: Now,
    settings: AppSettings,
    later: BackgroundTasks,
    email: Text = "",
) -> Response:
    plan = PLANS[user.account.plan]
    try:
        if not room_for_member(plan, len(people.members(db, user.account_id))):
            raise Refused(f"The {plan.name} plan is for {plan.members} people. Upgrade for more.")
        invited, token = people.invite(db, user, email, at)
    except Refused as error:
        return _page(request, db, user, problem=str(error))
    link = f"{settings.url}/reset?token={token}"
    later.add_task(request.app.state.send, invitation(invited.email, user.name, user.account.name, link))
    onboarding.reach(db, user, Step.INVITED)
    return go("/team", told=f"{invited.email} is invited.")


@router.post("/keys")
def add_key(request: Request, db: Db, user: Member, name: Text = "") -> Response:
    try:
        key = people.new_api_key(db, user, name)
    except Refused as error:
        return _page(request, db, user, problem=str(error))
    return _page(request, db, user, new_key=key)


@router.post("/keys/{key_id}/revoke")
def revoke_key(db: Db, user: Member, at: Now, key_id: int) -> Response:
    if not people.revoke_api_key(db, user.account_id, key_id, at):
        raise HTTPException(404)
    return go("/team", told="The key no longer works.")


def _page(request: Request, db: Db, user: User, *, problem: str = "", new_key: str = "") -> Response:
    return page(
        request,
        "team.html",
        status=422 if problem else 200,
        members=people.members(db, user.account_id),
        keys=people.api_keys(db, user.account_id),
        is_owner=user.role == Role.OWNER,
        problem=problem,
        new_key=new_key,
    )
