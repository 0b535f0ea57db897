"""Templates, and what every page gets."""

from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from fastapi.templating import Jinja2Templates

from acme.plans import PLANS
from acme.reports import in_words
from acme.settings import Settings
from acme.tokens import form_token
from acme.web.identity import remember_visitor, visitor_token

HERE = Path(__file__).parent.parent


def _frame(request: Request) -> dict[str, Any]:
    settings: Settings = request.app.state.settings
    user = getattr(request.state, "user", None)
    return {
        "user": user,
        "plan": PLANS[user.account.plan] if user else None,
        "form_token": form_token(settings.secret, visitor_token(request)),
        "support_email": settings.support_email,
    }


templates = Jinja2Templates(HERE / "templates", context_processors=[_frame])
templates.env.filters["in_words"] = in_words
templates.env.filters["day"] = lambda moment: f"{moment:%-d %b %Y}" if isinstance(moment, datetime) else str(moment)
templates.env.filters["money"] = lambda minor: f"{minor / 100:,.2f}"


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """Render a page."""
    response = templates.TemplateResponse(request, template, context, status_code=status)
    remember_visitor(request, response, secure=request.app.state.settings.https)
    return response


def go(path: str, *, told: str = "") -> RedirectResponse:
    """Send the browser to a page of ours after a form, with a short word to show there."""
    separator = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{separator}told={quote(told)}" if told else path, status_code=303)


def safe_path(path: str) -> str:
    """A path on this site; anything else becomes the start page (`//evil.example` and `/\\evil` are elsewhere)."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside else "/app"
