"""A small product with logins, right or wrong in one way: the planted targets of the refusals."""

import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from golive.readiness.planted import planted
from golive.readiness.refusals import FormSettings, People, Refusals, RefusalSettings, code_of, somebody
from golive.readiness.verdict import Control

MISTAKES = ("any password", "sessions outlive a reset", "a link works twice", "a code works twice")
_FORM = '<form method="post"><input type="hidden" name="token" value="1"></form>'


@dataclass
class Product:
    """Its state, and its one mistake."""

    who: People
    mistake: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    halfway: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    mails: list[dict[str, object]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for one in filter(None, (self.who.plain, self.who.second_factor)):
            self.passwords[one.email] = one.password

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/inside", self.inside),
                Route("/login", self.login, methods=["GET", "POST"]),
                Route("/code", self.code, methods=["GET", "POST"]),
                Route("/forgot", self.forgot, methods=["GET", "POST"]),
                Route("/reset", self.reset, methods=["GET", "POST"]),
                Route("/api/messages", lambda request: JSONResponse({"messages": self.mails})),
                Route("/api/messages/{ident}", self.mail),
            ]
        )

    async def inside(self, request: Request) -> Response:
        known = request.cookies.get("session") in self.sessions
        return PlainTextResponse("welcome") if known else RedirectResponse("/login", 303)

    async def login(self, request: Request) -> Response:
        if request.method == "GET":
            return HTMLResponse(_FORM)
        given = await _fields(request)
        email = given.get("email", "")
        if self.mistake != "any password" and self.passwords.get(email) != given.get("password"):
            return PlainTextResponse("wrong", 401)
        second = self.who.second_factor
        if second is not None and email == second.email:
            return _with_cookie("half", self.halfway, email, "/code")
        return _with_cookie("session", self.sessions, email, "/inside")

    async def code(self, request: Request) -> Response:
        if request.method == "GET":
            return HTMLResponse(_FORM)
        email = self.halfway.get(request.cookies.get("half", ""))
        given, second = (await _fields(request)).get("code", ""), self.who.second_factor
        fits = second is not None and given in (code_of(second.secret, time.time() - back) for back in (0, 30))
        if email is None or not fits or (given in self.used and self.mistake != "a code works twice"):
            return PlainTextResponse("wrong", 401)
        self.used.add(given)
        return _with_cookie("session", self.sessions, email, "/inside")

    async def forgot(self, request: Request) -> Response:
        if request.method == "GET":
            return HTMLResponse(_FORM)
        email, token = (await _fields(request)).get("email", ""), secrets.token_hex(8)
        self.links[token] = email
        link = f"{str(request.base_url).rstrip('/')}/reset?link={token}"
        self.mails.append({"id": token, "links": [link]})
        return PlainTextResponse("look into your mail")

    async def reset(self, request: Request) -> Response:
        token = request.query_params.get("link", "")
        if request.method == "GET":
            page = f'<form><input type="hidden" name="link" value="{token}"></form>'
            return HTMLResponse(page if token in self.links else "gone", 200 if token in self.links else 410)
        given = await _fields(request)
        email = self.links.get(given.get("link", ""))
        if email is None:
            return PlainTextResponse("gone", 410)
        self.passwords[email] = given.get("password", "")
        if self.mistake != "a link works twice":
            del self.links[given["link"]]
        if self.mistake != "sessions outlive a reset":
            self.sessions = {key: one for key, one in self.sessions.items() if one != email}
        return PlainTextResponse("saved")

    async def mail(self, request: Request) -> Response:
        found = [one for one in self.mails if one["id"] == request.path_params["ident"]]
        return JSONResponse(found[0] if found else {}, 200 if found else 404)


async def _fields(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}


def _with_cookie(name: str, kept: dict[str, str], email: str, to: str) -> Response:
    token = secrets.token_hex(8)
    kept[token] = email
    response = RedirectResponse(to, 303)
    response.set_cookie(name, token)
    return response


WANTED = RefusalSettings(
    inside="/inside",
    login=FormSettings(path="/login", fields={"email": "{{email}}", "password": "{{password}}"}),
    code=FormSettings(path="/code", fields={"code": "{{code}}"}),
    forgot=FormSettings(path="/forgot", fields={"email": "{{email}}"}),
    reset=FormSettings(path="/reset", fields={"password": "{{password}}"}),
)


def controls() -> list[Control]:
    """A product that is right, and one with each mistake."""
    return [_planted(mistake) for mistake in (*MISTAKES, "")]


def _planted(mistake: str) -> Control:
    who = People(plain=somebody(), second_factor=somebody(second_factor=True))
    app = Product(who, mistake).app()
    return planted(
        mistake or "refuses what it must",
        bool(mistake),
        app,
        lambda site: Refusals(site, WANTED, site, time.time).examine(who),
    )
