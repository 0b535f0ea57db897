"""Who is asking: the session's cookie, the form's token, and what happens when they do not fit."""

from datetime import UTC, datetime
from typing import Annotated

import sentry_sdk
from fastapi import Depends, Form, HTTPException, Request, Response
from opentelemetry import trace

from acme import people
from acme.database import Db
from acme.models import User
from acme.settings import Settings
from acme.tokens import fresh_token, is_form_token

SESSION_COOKIE = "acme_session"
VISITOR_COOKIE = "acme_visitor"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class LoginNeeded(Exception):
    """The page is for people who are logged in."""


def settings_of(request: Request) -> Settings:
    """The application's settings."""
    settings: Settings = request.app.state.settings
    return settings


def now() -> datetime:
    """The time of the request, a dependency so that tests can set it."""
    return datetime.now(UTC)


Now = Annotated[datetime, Depends(now)]
AppSettings = Annotated[Settings, Depends(settings_of)]


def visitor(request: Request, db: Db, at: Now) -> User | None:
    """The person who is logged in, if anyone is."""
    token = request.cookies.get(SESSION_COOKIE)
    user = people.logged_in(db, token, at) if token else None
    if user is not None:
        recognise(request, user)
    return user


def member(user: Annotated[User | None, Depends(visitor)]) -> User:
    """The person who is logged in and has confirmed their address. Raises LoginNeeded."""
    if user is None or user.verified_at is None:
        raise LoginNeeded
    return user


def recognise(request: Request, user: User) -> None:
    """Let the page, the trace and an error report know who this is."""
    request.state.user = user
    trace.get_current_span().set_attribute("user.id", str(user.id))
    sentry_sdk.set_user({"id": str(user.id)})


Visitor = Annotated[User | None, Depends(visitor)]
Member = Annotated[User, Depends(member)]


def visitor_token(request: Request) -> str:
    """What the form tokens of this browser are derived from: its session, or else a cookie of its own."""
    known = request.cookies.get(SESSION_COOKIE) or request.cookies.get(VISITOR_COOKIE)
    if known is None:
        known = getattr(request.state, "fresh_visitor", None) or fresh_token()
        request.state.fresh_visitor = known
    return known


def remember_visitor(request: Request, response: Response, *, secure: bool) -> None:
    """Set the cookie when a form was served to a browser that had none."""
    fresh = getattr(request.state, "fresh_visitor", None)
    if fresh is not None:
        set_cookie(response, VISITOR_COOKIE, fresh, secure=secure, max_age_seconds=None)


def set_cookie(response: Response, name: str, value: str, *, secure: bool, max_age_seconds: int | None) -> None:
    """A cookie that scripts cannot read and other sites' forms do not send."""
    response.set_cookie(name, value, max_age=max_age_seconds, httponly=True, samesite="lax", secure=secure)


def with_session(response: Response, db: Db, user: User, at: datetime, settings: Settings) -> Response:
    """Log a person in: the session's cookie on the answer."""
    token = people.log_in(db, user, at)
    lasts = int(people.LOGIN_LASTS.total_seconds())
    set_cookie(response, SESSION_COOKIE, token, secure=settings.https, max_age_seconds=lasts)
    return response


def protect_form(request: Request, settings: AppSettings, form_token: Annotated[str, Form()] = "") -> None:
    """A dependency of every page: a form is only taken from our own pages."""
    if request.method in _SAFE_METHODS:
        return
    known = request.cookies.get(SESSION_COOKIE) or request.cookies.get(VISITOR_COOKIE) or ""
    if not is_form_token(settings.secret, known, form_token):
        raise HTTPException(403, "This form is out of date. Go back, reload the page and try again.")


def address_of(request: Request) -> str:
    """The address that the request came from. Forwarded headers count only as far as the server trusts them."""
    return request.client.host if request.client else "unknown"
