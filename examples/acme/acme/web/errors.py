"""What people and programs see when something does not work."""

from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from acme.faults.engine import SignupsClosed
from acme.ratelimit import TooManyAttempts
from acme.telemetry.problems import report
from acme.web.identity import LoginNeeded
from acme.web.render import page

_TITLES = {403: "Not allowed", 404: "Page not found", 409: "Not possible", 422: "Something is missing"}


def install_error_pages(app: FastAPI) -> None:
    """Register how each kind of error is answered: JSON for programs, a page for people."""

    @app.exception_handler(LoginNeeded)
    async def to_login(request: Request, error: LoginNeeded) -> Response:
        here = request.url.path if request.method == "GET" else "/app"
        return RedirectResponse(f"/login?next={quote(here)}", status_code=303)

    @app.exception_handler(SignupsClosed)
    async def signups_closed(request: Request, error: SignupsClosed) -> Response:
        return page(request, "signups_closed.html", status=503)

    @app.exception_handler(TooManyAttempts)
    async def too_many(request: Request, error: TooManyAttempts) -> Response:
        words = f"Too many attempts. Try again in {error.retry_after_seconds} seconds."
        headers = {"Retry-After": str(error.retry_after_seconds)}
        return _answer(request, 429, "Too many attempts", words, headers)

    @app.exception_handler(HTTPException)
    async def known(request: Request, error: HTTPException) -> Response:
        title = _TITLES.get(error.status_code, "That did not work")
        words = "" if error.detail == title or error.status_code == 404 else str(error.detail)
        return _answer(request, error.status_code, title, words, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        problems = [{"where": list(found["loc"]), "problem": found["msg"]} for found in error.errors()]
        return _answer(request, 422, _TITLES[422], "Check what you entered.", {}, problems=problems)

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        report(error, getattr(request.scope.get("route"), "path", request.url.path))
        words = "Something broke on our side. We have been told."
        return _answer(request, 500, "Something broke", words, {})


def _answer(request: Request, status: int, title: str, words: str, headers: dict[str, str], **details: Any) -> Response:
    if request.url.path.startswith(("/api/", "/webhooks/", "/_faults")):
        return JSONResponse({"error": words or title, **details}, status, headers)
    response = page(request, "error.html", status=status, title=title, words=words)
    response.headers.update(headers)
    return response
