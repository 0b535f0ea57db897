"""The second factor: setting it up, and giving a code after the password."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from acme import people, ratelimit, second_factor
from acme.database import Db
from acme.models import Purpose
from acme.telemetry.events import Event, tell
from acme.web.identity import AppSettings, Member, Now, with_session
from acme.web.render import go, page, safe_path

router = APIRouter(include_in_schema=False)

SECOND_COOKIE = "acme_second"
Text = Annotated[str, Form()]


@router.get("/login/code")
def code_form(request: Request, next: str = "/app") -> Response:
    if not request.cookies.get(SECOND_COOKIE):
        return go("/login")
    return page(request, "login_code.html", next=next)


@router.post("/login/code")
def code(request: Request, db: Db, at: Now, settings: AppSettings, code: Text = "", next: Text = "/app") -> Response:
    """The second step of a login: the cookie proves that the password was right a moment ago."""
    token = request.cookies.get(SECOND_COOKIE, "")
    link = people.holder(db, token, (Purpose.SECOND,), at)
    if link is None:
        return go("/login", told="That took too long. Log in again.")
    user = link.user
    ratelimit.spend(db, ratelimit.CODE_BY_PERSON, str(user.id), at, settings.rate_window)
    if not second_factor.spend_code(db, user, code, at):
        return page(request, "login_code.html", status=401, problem="This code is wrong or was used before.", next=next)
    people.use_up(db, link, at)
    tell(Event.LOGGED_IN, user)
    response = with_session(go(safe_path(next)), db, user, at, settings)
    response.delete_cookie(SECOND_COOKIE)
    return response


@router.get("/security")
def security(request: Request, db: Db, user: Member) -> Response:
    kept = second_factor.of(db, user)
    if kept is None or kept.confirmed_at is None:
        kept = second_factor.begin(db, user)
        return _page(request, secret=kept.secret, link=second_factor.address(kept.secret, user.email), on=False)
    return _page(request, on=True)


@router.post("/security/code")
def turn_on(request: Request, db: Db, user: Member, at: Now, settings: AppSettings, code: Text = "") -> Response:
    """Confirm the authenticator app with its first code."""
    ratelimit.spend(db, ratelimit.CODE_BY_PERSON, str(user.id), at, settings.rate_window)
    if not second_factor.spend_code(db, user, code, at):
        kept = second_factor.begin(db, user)
        shown = {"secret": kept.secret, "link": second_factor.address(kept.secret, user.email)}
        on = kept.confirmed_at is not None
        return _page(request, problem="This code is wrong.", status=422, on=on, **shown if not on else {})
    return go("/security", told="From now on a login needs a code.")


@router.post("/security/off")
def turn_off(request: Request, db: Db, user: Member, at: Now, settings: AppSettings, code: Text = "") -> Response:
    ratelimit.spend(db, ratelimit.CODE_BY_PERSON, str(user.id), at, settings.rate_window)
    if not second_factor.spend_code(db, user, code, at):
        return _page(request, problem="This code is wrong.", status=422, on=True)
    second_factor.turn_off(db, user)
    return go("/security", told="A login needs only the password now.")


def _page(request: Request, *, status: int = 200, **context: object) -> Response:
    return page(request, "security.html", status=status, **context)
