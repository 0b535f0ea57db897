"""What people send us without being logged in: messages to support, and the wish for no more mails."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Form, Request, Response

from acme import letters, ratelimit
from acme.database import Db
from acme.mail import support_message
from acme.people import Refused, clean_email
from acme.web.identity import AppSettings, Now, Visitor, address_of, protect_form
from acme.web.render import go, page

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form()]
_LONGEST = 5000


@router.get("/support")
def support(request: Request, user: Visitor) -> Response:
    return page(request, "support.html", email=user.email if user else "")


@router.post("/support", dependencies=[Depends(protect_form)])
def write(
    request: Request,
    db: Db,
    at: Now,
    user: Visitor,
    settings: AppSettings,
    later: BackgroundTasks,
    email: Text = "",
    message: Text = "",
) -> Response:
    """A message goes to the support address as a mail that can be answered."""
    ratelimit.spend(db, ratelimit.SUPPORT_BY_ADDRESS, address_of(request), at, settings.rate_window)
    try:
        sender = clean_email(email)
        if not message.strip() or len(message) > _LONGEST:
            raise Refused(f"Write a message of at most {_LONGEST} characters.")
    except Refused as error:
        return page(request, "support.html", status=422, problem=str(error), email=email, message=message)
    plan = user.account.plan if user else ""
    later.add_task(request.app.state.send, support_message(settings.support_email, sender, plan, message))
    return go("/support", told="Thank you. A person reads it and answers by mail.")


@router.get("/unsubscribe")
def ask(request: Request, token: str = "") -> Response:
    return page(request, "unsubscribe.html", token=token, done=False)


@router.post("/unsubscribe")
def unsubscribe(request: Request, db: Db, at: Now, settings: AppSettings, token: str = "") -> Response:
    """One click, as mail programs do it (RFC 8058): the token is all that is needed."""
    if not letters.unsubscribe(db, settings.secret, token, at):
        return page(request, "link_broken.html", status=410)
    return page(request, "unsubscribe.html", token=token, done=True)
