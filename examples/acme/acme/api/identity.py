"""Who calls the API: `Authorization: Bearer acme_…`, or the browser's session with the form token as a header."""

from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request

from acme import people, ratelimit
from acme.database import Db
from acme.models import User
from acme.tokens import is_form_token
from acme.web.identity import SESSION_COOKIE, AppSettings, Now, address_of, recognise


def caller(
    request: Request,
    db: Db,
    at: Now,
    settings: AppSettings,
    authorization: Annotated[str, Header()] = "",
    x_form_token: Annotated[str, Header()] = "",
) -> User:
    """The person behind a call; 401 for nobody, 429 beyond the limit."""
    scheme, _, key = authorization.partition(" ")
    session = request.cookies.get(SESSION_COOKIE)
    user: User | None = None
    if authorization:
        user = people.by_api_key(db, key) if scheme.lower() == "bearer" else None
    elif session and (request.method == "GET" or is_form_token(settings.secret, session, x_form_token)):
        user = people.logged_in(db, session, at)
    if user is None or user.verified_at is None:
        ratelimit.spend(db, ratelimit.API_FAILURES_BY_ADDRESS, address_of(request), at, settings.rate_window)
        raise HTTPException(401, "Send an API key.", {"WWW-Authenticate": "Bearer"})
    ratelimit.spend(db, ratelimit.API_BY_KEY, key or session or "", at, settings.rate_window)
    recognise(request, user)
    return user


Caller = Annotated[User, Depends(caller)]
