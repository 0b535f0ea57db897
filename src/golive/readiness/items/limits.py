"""Rate limits of public routes: by address and by account, not reset by forwarded headers, recovering."""

import re
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from golive.config.values import Duration
from golive.kit.outbound import Answer
from golive.readiness import routes
from golive.readiness.asking import Ask, Site
from golive.readiness.inputs import of_target
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import planted
from golive.readiness.verdict import CannotTell, Control, Report
from golive.readiness.visitor import hidden_fields

SPARE = 3  # requests beyond the limit before it must have been reached
FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP")


class LimitSettings(BaseModel):
    """One public route that must be limited."""

    model_config = ConfigDict(extra="forbid")
    path: str
    """What is asked, such as "/login"."""
    method: str = "POST"
    """How."""
    form: str = ""
    """The page that serves the form; its hidden fields and cookies are sent along."""
    fields: dict[str, str] = {}
    """The form's fields; {{account}} stands for somebody, a new one for each request of the test by address."""
    headers: dict[str, str] = {}
    """Headers, with {{account}} likewise."""
    by_address: Annotated[int, Field(ge=0, le=1000)] = 0
    """At most so many requests from one address within the window; 0: not by address."""
    by_account: Annotated[int, Field(ge=0, le=1000)] = 0
    """At most so many for one account, below `by_address`; 0: not by account."""


class LimitsSettings(BaseModel):
    """Rate limits of public routes."""

    model_config = ConfigDict(extra="forbid")
    routes: dict[str, LimitSettings] = {}
    """Each limited route by a name of your own."""
    window: Duration = timedelta(minutes=1)
    """The window of the preview's limits; recovery is waited for as long."""
    exempt: list[str] = []
    """Public routes that change state but need no limit, such as webhooks that are signed."""


@dataclass
class Limited:
    """One route with the cookies and hidden fields of its form."""

    name: str
    wanted: LimitSettings
    hidden: Mapping[str, str] = field(default_factory=dict)
    cookie: str = ""

    def ask(self, account: str, **headers: str) -> Ask:
        def filled(values: Mapping[str, str]) -> dict[str, str]:
            return {name: value.replace("{{account}}", account) for name, value in values.items()}

        sent = {**filled(self.wanted.headers), **headers}
        if self.cookie:
            sent["Cookie"] = self.cookie
        content = b""
        if self.wanted.method != "GET":
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            content = urlencode({**self.hidden, **filled(self.wanted.fields)}).encode()
        return Ask(self.wanted.path, self.wanted.method, sent, content)


def opened(site: Site, name: str, wanted: LimitSettings) -> Limited:
    """The route with what its form must carry. Raises CannotTell."""
    if not wanted.form:
        return Limited(name, wanted)
    answer = site.get(wanted.form)
    if answer is None or answer.status != 200:
        status = answer.status if answer else "nothing"
        raise CannotTell(name, f"the form {wanted.form} answers {status}", f"[readiness.limits.routes.{name}] form")
    cookies = [value.partition(";")[0] for key, value in answer.headers if key.lower() == "set-cookie"]
    return Limited(name, wanted, hidden_fields(answer.body), "; ".join(cookies))


def limited(answer: Answer | None) -> bool:
    """Whether an answer says that it was too much: by status, or by words in a 200 that hides it."""
    return answer is not None and (
        answer.status == 429 or (answer.status == 200 and b"too many attempts" in answer.body.lower())
    )


def somebody() -> str:
    return f"golive-{secrets.token_hex(5)}@probe.example"


def examine_site(site: Site, made: list[Limited], window: timedelta) -> Report:
    """Exhaust each limit, try to get around it, then wait until all have recovered."""
    report = Report(expected=len(made))
    reached: dict[str, Answer] = {}
    for one in made:  # accounts first: afterwards the address is shut out everywhere
        report.examined += 1
        if one.wanted.by_account:
            _by_account(report, site, one)
    for one in made:
        if one.wanted.by_address and (answer := _by_address(report, site, one)):
            reached[one.name] = answer
    _recover(report, site, {one.name: one for one in made}, reached, window)
    report.exchanges = list(site.exchanges)
    report.facts["requests"] = site.asked
    return report


def _by_account(report: Report, site: Site, one: Limited) -> None:
    who, most = somebody(), one.wanted.by_account
    answers = site.all([one.ask(who)] * (most + SPARE))
    if not any(map(limited, answers)):
        # A window may have ended in between: once more, all in one.
        answers = site.all([one.ask(who)] * (most + SPARE))
    if not any(map(limited, answers)):
        report.convict(f"{one.name} by account", f"{most + SPARE} requests for one account were all answered")
    elif limited(site.ask(one.ask(somebody()))) and not one.wanted.by_address:
        report.convict(f"{one.name} by account", "the limit of one account shuts out others too")


def _by_address(report: Report, site: Site, one: Limited) -> Answer | None:
    """Exhaust the limit with a new account each time; the answer that said so, or None."""
    most = one.wanted.by_address
    found: Answer | None = None
    for _ in range(2):
        answers = site.all([one.ask(somebody()) for _ in range(most + SPARE)])
        found = next((answer for answer in answers if limited(answer)), None)
        if found is not None:
            break
    if found is None:
        report.convict(f"{one.name} by address", f"{2 * (most + SPARE)} requests from one address were all answered")
        return None
    for header in FORWARDED:
        holds = _holds_against(site, one, header)
        if holds is None:
            report.doubt(f"{one.name} with {header}", "the limit's window ended again and again", "golive check limits")
            break
        if not holds:
            report.convict(f"{one.name} with {header}", f"the header {header} resets the limit")
            break
    if not re.fullmatch(r"\d+", (found.header("retry-after") or "").strip()):
        report.convict(f"{one.name} Retry-After", "a limited answer does not say when to try again (Retry-After)")
    return found


def _holds_against(site: Site, one: Limited, header: str) -> bool | None:
    """Whether the limit holds against a forwarded header; None when its window ended each time."""
    value = "for=203.0.113.7" if header == "Forwarded" else "203.0.113.7"
    for _ in range(3):
        if limited(site.ask(one.ask(somebody(), **{header: value}))):
            return True
        if limited(site.ask(one.ask(somebody()))):
            return False
        site.all([one.ask(somebody()) for _ in range(one.wanted.by_address + SPARE)])
    return None


def _recover(
    report: Report, site: Site, made: Mapping[str, Limited], reached: Mapping[str, Answer], window: timedelta
) -> None:
    if not reached:
        return
    time.sleep(window.total_seconds() + 1)
    for name in reached:
        if limited(site.ask(made[name].ask(somebody()))):
            report.convict(f"{name} recovery", f"it is still limited after its window of {window}")


def examine(subject: Subject) -> Report:
    wanted = subject.settings("limits", LimitsSettings)
    if not wanted.routes:
        raise CannotTell("limits", "no limited route is declared", "set [readiness.limits.routes.NAME] in golive.toml")
    site = subject.site()
    report = examine_site(site, [opened(site, name, one) for name, one in wanted.routes.items()], wanted.window)
    covered = [re.escape(f"{one.method} {one.path}") for one in wanted.routes.values()]
    exempt = [pattern for _, pattern in routes.declared(wanted.exempt)]
    for entry in getattr(subject.wanted, "public_routes", []):
        method = entry.partition(" ")[0].upper()
        if method not in ("GET", "HEAD", "*") and not any(re.fullmatch(one, entry) for one in covered):
            if any(pattern.fullmatch(entry) for pattern in exempt):
                continue
            report.doubt(entry, f"the public route {entry} has no limit declared", "set [readiness.limits.routes.NAME]")
    return report


def _planted(
    name: str, bad: bool, *, most: int = 5, trusts: bool = False, heals: bool = True, told: bool = True
) -> Control:
    """A login that counts attempts by address (or by what a forwarded header says)."""
    counts: Counter[str] = Counter()
    began = time.monotonic()

    async def login(request: Request) -> Response:
        address = request.headers.get("x-forwarded-for", "here") if trusts else "here"
        period = int((time.monotonic() - began) / WINDOW.total_seconds()) if heals else 0
        counts[f"{address} {period}"] += 1
        if most and counts[f"{address} {period}"] > most:
            return PlainTextResponse("slow down", 429, {"Retry-After": "1"} if told else {})
        return PlainTextResponse("wrong", 401)

    app = Starlette(routes=[Route("/login", login, methods=["POST"])])
    wanted = LimitSettings(path="/login", fields={"email": "{{account}}"}, by_address=most or 5)
    return planted(name, bad, app, lambda site: examine_site(site, [Limited("login", wanted)], WINDOW))


WINDOW = timedelta(seconds=2)


def controls() -> list[Control]:
    return [
        _planted("has no limit", True, most=0),
        _planted("believes X-Forwarded-For", True, trusts=True),
        _planted("never recovers", True, heals=False),
        _planted("does not say when", True, told=False),
        _planted("limits by address", False),
    ]


ITEM = Item(
    key="limits",
    order=2,
    area=Area.SECURITY,
    title="Rate limiting on public endpoints",
    question="Can somebody try passwords, or make accounts, as fast as they like?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: of_target(subject, "limits", "public_routes"),
    changes=True,
    alone=True,
    settings=LimitsSettings,
)
