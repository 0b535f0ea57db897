"""Pages for everyone, and what monitors ask."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from acme import __version__
from acme.plans import PLANS
from acme.web.identity import Visitor
from acme.web.render import page

router = APIRouter(include_in_schema=False)


@router.get("/")
def front(request: Request, user: Visitor) -> Response:
    return page(request, "front.html", plans=PLANS.values())


@router.get("/terms")
def terms(request: Request, user: Visitor) -> Response:
    return page(request, "terms.html")


@router.get("/privacy")
def privacy(request: Request, user: Visitor) -> Response:
    return page(request, "privacy.html")


@router.get("/healthz")
def healthz(request: Request) -> Response:
    """Whether acme can serve people: the database answers."""
    try:
        with request.app.state.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return JSONResponse({"status": "unavailable", "database": "down"}, 503, {"Cache-Control": "no-store"})
    return JSONResponse(
        {"status": "ok", "database": "ok", "version": __version__}, headers={"Cache-Control": "no-store"}
    )


@router.get("/readyz")
async def readyz() -> Response:
    """Whether this process takes requests at all."""
    return JSONResponse({"status": "ready", "version": __version__}, headers={"Cache-Control": "no-store"})
