"""Signing up, confirming, logging in and out, choosing a new password."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, BackgroundTasks, Form, Request, Response

from acme import onboarding, people, ratelimit, second_factor
from acme.database import Db
from acme.mail import password_reset, verification
from acme.models import Purpose, User
from acme.onboarding import Step
from acme.people import Refused, Wish
from acme.settings import Settings
from acme.telemetry.events import Event, tell
from acme.web.identity import SESSION_COOKIE, AppSettings, Now, Visitor, address_of, set_cookie, with_session
from acme.web.render import go, page, safe_path
from acme.web.security import SECOND_COOKIE

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("/signup")
def signup_form(request: Request, user: Visitor) -> Response:
    return go("/app") if user else page(request, "signup.html")


@router.post("/signup")
def signup(
    request: Request,
    db: Db,
    at: Now,
    settings: AppSettings,
    later: BackgroundTasks,
    name: Text = "",
    team: Text = "",
    email: Text = "",
    password: Text = "",
) -> Response:
    ratelimit.spend(db, ratelimit.SIGNUP_BY_ADDRESS, address_of(request), at, settings.rate_window)
    try:
        made = people.sign_up(db, Wish(name, team, email, password), at)
    except Refused as error:
        typed = {"name": name, "team": team, "email": email}
        return page(request, "signup.html", status=422, problem=str(error), typed=typed)
    if made is not None:
        user, token = made
        link = f"{settings.url}/verify?token={token}"
        later.add_task(request.app.state.send, verification(user.email, user.name, link))
        tell(Event.SIGNED_UP, user)
    return go("/check-mail")


@router.get("/check-mail")
def check_mail(request: Request, user: Visitor) -> Response:
    return page(request, "check_mail.html")


@router.get("/verify")
def verify(request: Request, db: Db, at: Now, settings: AppSettings, token: str = "") -> Response:
    user = people.verify(db, token, at)
    if user is None:
        return page(request, "link_broken.html", status=410)
    tell(Event.VERIFIED, user)
    onboarding.reach(db, user, Step.CONFIRMED)
    return with_session(go("/app", told="Welcome to acme. Your address is confirmed."), db, user, at, settings)


@router.get("/login")
def login_form(request: Request, user: Visitor, next: str = "/app") -> Response:
    return go("/app") if user and user.verified_at else page(request, "login.html", next=next)


@router.post("/login")
def login(
    request: Request,
    db: Db,
    at: Now,
    settings: AppSettings,
    later: BackgroundTasks,
    email: Text = "",
    password: Text = "",
    next: Text = "/app",
) -> Response:
    ratelimit.spend(db, ratelimit.LOGIN_BY_ADDRESS, address_of(request), at, settings.rate_window)
    ratelimit.spend(db, ratelimit.LOGIN_BY_EMAIL, email, at, settings.rate_window)
    user = people.check_password(db, email, password)
    if user is None:
        problem = "Email address or password is wrong."
        return page(request, "login.html", status=401, problem=problem, email=email, next=next)
    if user.verified_at is None:
        link = f"{settings.url}/verify?token={people.new_link(db, user, Purpose.VERIFY, at)}"
        db.commit()
        later.add_task(request.app.state.send, verification(user.email, user.name, link))
        return go("/check-mail")
    if second_factor.is_on(db, user):
        return _ask_for_code(db, user, at, settings, next)
    tell(Event.LOGGED_IN, user)
    return with_session(go(safe_path(next)), db, user, at, settings)


@router.post("/logout")
def logout(request: Request, db: Db) -> Response:
    if token := request.cookies.get(SESSION_COOKIE):
        people.log_out(db, token)
    response = go("/")
    response.delete_cookie(SESSION_COOKIE)
    return response


@router.get("/forgot")
def forgot_form(request: Request, user: Visitor) -> Response:
    return page(request, "forgot.html")


@router.post("/forgot")
def forgot(
    request: Request, db: Db, at: Now, settings: AppSettings, later: BackgroundTasks, email: Text = ""
) -> Response:
    ratelimit.spend(db, ratelimit.LOGIN_BY_ADDRESS, address_of(request), at, settings.rate_window)
    ratelimit.spend(db, ratelimit.MAIL_BY_EMAIL, email, at, settings.rate_window)
    user = people.by_email(db, email)
    if user is not None:
        link = f"{settings.url}/reset?token={people.new_link(db, user, Purpose.RESET, at)}"
        db.commit()
        later.add_task(request.app.state.send, password_reset(user.email, user.name, link))
    return go("/check-mail")


@router.get("/reset")
def reset_form(request: Request, db: Db, at: Now, token: str = "") -> Response:
    link = people.holder(db, token, (Purpose.RESET, Purpose.INVITE), at)
    if link is None:
        return page(request, "link_broken.html", status=410)
    return page(request, "reset.html", token=token, invited=link.purpose == Purpose.INVITE, email=link.user.email)


@router.post("/reset")
def reset(request: Request, db: Db, at: Now, settings: AppSettings, token: Text = "", password: Text = "") -> Response:
    try:
        user = people.choose_password(db, token, password, at)
    except Refused as error:
        return page(request, "reset.html", status=422, token=token, problem=str(error))
    if user is None:
        return page(request, "link_broken.html", status=410)
    if second_factor.is_on(db, user):  # a mail does not replace the second factor
        return go("/login", told="Your password is set. Log in with it and a code.")
    return with_session(go("/app", told="Your password is set."), db, user, at, settings)


def _ask_for_code(db: Db, user: User, at: datetime, settings: Settings, next: str) -> Response:
    """The password was right: a cookie for five minutes in which a code may be given."""
    token = people.new_link(db, user, Purpose.SECOND, at)
    db.commit()
    response = go(f"/login/code?next={quote(safe_path(next))}")
    set_cookie(response, SECOND_COOKIE, token, secure=settings.https, max_age_seconds=300)
    return response
