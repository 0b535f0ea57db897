"""Authentication on every endpoint: without a valid credential refused, other tenants' objects not found."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as StarletteRoute

from golive.kit.outbound import Answer
from golive.readiness import routes
from golive.readiness.accounts import Account, Accounts, Way, accounts
from golive.readiness.asking import Ask, Site
from golive.readiness.inputs import of_target, short
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import planted
from golive.readiness.routes import Route
from golive.readiness.verdict import CannotTell, Control, Report
from golive.telemetry.store import StoreError

_LONGEST_WAIT_SECONDS = 40
_REFUSED = {401, 403, 404}
_LOGIN_STATUS = {301, 302, 303, 307, 308}
_DESTROYS = ("DELETE", "delete", "revoke", "cancel", "off", "logout", "remove")
NOBODY = Way("nobody", {}, {})


class AuthenticationSettings(BaseModel):
    """Authentication: where the list of routes comes from."""

    model_config = ConfigDict(extra="forbid")
    openapi: str = ""
    """Where the product serves its OpenAPI document, such as "/openapi.json"."""
    app: str = ""
    """The application as Python imports it, for its route table: "acme.app:create_app", "django:acme.settings"."""
    python: str = ".venv/bin/python"
    """The application's Python, below `source`."""
    login: str = "/login"
    """Where people without a session are sent; that counts as refused."""
    bodies: dict[str, dict[str, str | int | bool]] = {}
    """What a route takes, by "METHOD /path", where an empty body would be refused before the credential is."""
    traffic: bool = True
    """Also probe routes that golive saw in traces; one that is declared nowhere blocks."""


@dataclass(frozen=True)
class Plan:
    """Everything the probes need."""

    guarded: Sequence[Route]
    accounts: Accounts
    login: str = "/login"
    bodies: Mapping[str, Mapping[str, str | int | bool]] = field(default_factory=dict)


def examine_site(site: Site, plan: Plan) -> Report:
    """Everything that must be refused first, then what must work, and last what destroys."""
    report = Report(expected=len(plan.guarded))
    refused = _refusals(plan)
    answers = _patiently(site, [ask for _, _, ask in refused])
    undecided: set[Route] = set()
    for (one, who, _ask), answer in zip(refused, answers, strict=True):
        _judge_refusal(report, plan, one, who, answer, undecided)
    accepted: set[Route] = set()
    spare = plan.accounts.owner.spares()
    for one in sorted(plan.guarded, key=_destroys):
        objects = plan.accounts.owner.kept()
        if _destroys(one):
            objects |= {name: spare[name].pop() for name in one.parameters if spare.get(name)}
        if _works(site, plan, one, objects):
            accepted.add(one)
    for one in plan.guarded:
        if one not in accepted:
            report.doubt(
                f"{one} with a valid credential",
                f"{one} refuses the owner too, so its refusals prove nothing",
                "let the accounts program print a credential and objects that this route takes",
            )
        elif one not in undecided:
            report.examined += 1
    report.exchanges = list(site.exchanges)
    report.facts = {"routes": [str(one) for one in plan.guarded], "requests": site.asked}
    return report


def _ask(plan: Plan, one: Route, way: Way, objects: Mapping[str, str | int]) -> Ask:
    headers = dict(way.headers)
    content = b""
    if one.method != "GET":
        given = plan.bodies.get(str(one), {})
        form = bool(way.fields)
        content = urlencode({**way.fields, **given}).encode() if form else json.dumps(given).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
    return Ask(one.filled(objects), one.method, headers, content)


def _refusals(plan: Plan) -> list[tuple[Route, str, Ask]]:
    """All requests that must be refused: (route, who asks, request)."""
    objects, made = plan.accounts.owner.kept(), []
    spoiled = [way.spoiled() for way in plan.accounts.owner.ways()]
    expired = plan.accounts.expired.ways() if plan.accounts.expired else []
    for one in plan.guarded:
        made.append((one, "without a credential", _ask(plan, one, NOBODY, objects)))
        made += [(one, f"with a malformed {way.name}", _ask(plan, one, way, objects)) for way in spoiled]
        made += [(one, f"with an expired {way.name}", _ask(plan, one, way, objects)) for way in expired]
        if any(name in objects for name in one.parameters):
            strangers = plan.accounts.stranger.ways()
            made += [(one, f"with another tenant's {way.name}", _ask(plan, one, way, objects)) for way in strangers]
    return made


def _patiently(site: Site, asks: Sequence[Ask]) -> list[Answer | None]:
    """The answers; requests that only a rate limit refused are made again when it lets them."""
    answers = site.all(asks)
    end = time.monotonic() + 2 * _LONGEST_WAIT_SECONDS
    while time.monotonic() < end:
        limited = [index for index, answer in enumerate(answers) if answer is not None and answer.status == 429]
        if not limited:
            break
        told = [answers[index].header("retry-after") or "" for index in limited]  # type: ignore[union-attr]
        seconds = [int(text) for text in told if text.isdigit()]
        time.sleep(min(max(seconds, default=5) + 1, _LONGEST_WAIT_SECONDS))
        again = site.all([asks[index] for index in limited])
        for index, answer in zip(limited, again, strict=True):
            answers[index] = answer
    return answers


def _judge_refusal(
    report: Report, plan: Plan, one: Route, who: str, answer: Answer | None, undecided: set[Route]
) -> None:
    subject = f"{one} {who}"
    if answer is None:
        undecided.add(one)
        report.doubt(subject, f"{one} did not answer {who}")
    elif _is_refusal(answer, plan.login):
        return
    elif answer.status == 429:
        undecided.add(one)
        report.doubt(subject, f"{one} is rate limited for longer than golive waits", "raise the preview's limits")
    elif answer.status < 400:
        report.convict(subject, f"answers {answer.status} instead of refusing")
    elif answer.status in (400, 409, 415, 422):
        undecided.add(one)
        key = f'set [readiness.authentication.bodies] "{one}"'
        report.doubt(subject, f"{one} answers {answer.status} {who}: it looked at the body first", key)
    else:
        undecided.add(one)
        report.doubt(subject, f"{one} answers {answer.status} {who}")


def _is_refusal(answer: Answer, login: str) -> bool:
    if answer.status in _REFUSED:
        return True
    return answer.status in _LOGIN_STATUS and urlsplit(answer.header("location") or "").path.startswith(login)


def _destroys(one: Route) -> bool:
    return any(word in str(one) for word in _DESTROYS)


def _works(site: Site, plan: Plan, one: Route, objects: Mapping[str, str | int]) -> bool:
    """Whether the owner is let through, in any way: what was sent may be wrong, who sent it is not."""
    for way in plan.accounts.owner.ways():
        answer = _patiently(site, [_ask(plan, one, way, objects)])[0]
        if answer is not None and not _is_refusal(answer, plan.login) and answer.status not in (405, 429):
            return answer.status < 500
    return False


def examine(subject: Subject) -> Report:
    wanted = subject.settings("authentication", AuthenticationSettings)
    site = subject.site()
    known, report = _known(subject, site, wanted)
    public: list[str] = getattr(subject.wanted, "public_routes", [])
    guarded, opened, unused = routes.split(known, public)
    for entry in unused:
        report.convict(f"public route {entry}", "is declared public but matches no route; remove it")
    made = accounts(subject, getattr(subject.wanted, "accounts", []))
    site.hidden = made.secrets()
    report.absorb(examine_site(site, Plan(guarded, made, wanted.login, wanted.bodies)))
    report.facts["public"] = [str(one) for one in opened]
    return report


def _known(subject: Subject, site: Site, wanted: AuthenticationSettings) -> tuple[set[Route], Report]:
    """The union of all sources; a source that is named must answer."""
    report, known = Report(), set()
    if not wanted.openapi and not wanted.app:
        raise CannotTell(
            "routes", "no list of routes is known", "set [readiness.authentication] app or openapi, then golive apply"
        )
    if wanted.openapi:
        known |= routes.asked_openapi(site, wanted.openapi)
    if wanted.app:
        known |= routes.from_framework(subject, wanted.app, wanted.python)
    report.facts["sources"] = {"declared": len(known)}
    if wanted.traffic:
        try:
            seen = routes.from_traffic(subject.project)
        except StoreError as error:
            report.doubt("traffic", f"routes seen in traffic could not be read ({error})", "golive up")
            return known, report
        report.facts["sources"]["seen in traffic"] = len(seen)
        seen = {one for one in seen if routes.Route(f"{one.path}/{{path}}", one.method) not in known}  # a mount
        for one in sorted(seen - known):
            report.convict(f"{one} seen in traffic", "answers requests but is in no list of routes")
        known |= seen
    return known, report


KEYS = {"Bearer owner-key": 1, "Bearer stranger-key": 2, "Bearer old-key": 1}


def _app(*, open_: bool = False, old: bool = False, shared: bool = False) -> Starlette:
    """A product with two tenants, right but for what is asked."""

    async def listing(request: Request) -> Response:
        return JSONResponse([]) if open_ or _who(request, old) else JSONResponse({}, 401)

    async def one(request: Request) -> Response:
        who = _who(request, old)
        if not who:
            return JSONResponse({}, 401)
        return JSONResponse({}, 200 if shared or who == 1 else 404)

    return Starlette(routes=[StarletteRoute("/things", listing), StarletteRoute("/things/{thing_id}", one)])


def _who(request: Request, old: bool) -> int:
    given = request.headers.get("authorization", "")
    return 0 if given == "Bearer old-key" and not old else KEYS.get(given, 0)


def controls() -> list[Control]:
    def account(key: str, objects: Iterable[tuple[str, int]] = ()) -> Account:
        return Account(headers={"Authorization": f"Bearer {key}"}, objects=dict(objects))

    made = Accounts(
        owner=account("owner-key", [("thing_id", 7)]), stranger=account("stranger-key"), expired=account("old-key")
    )
    plan = Plan([routes.route("GET", "/things"), routes.route("GET", "/things/{thing_id}")], made)
    look: Callable[[Site], Report] = lambda site: examine_site(site, plan)  # noqa: E731
    return [
        planted("an open route", True, _app(open_=True), look),
        planted("takes an expired key", True, _app(old=True), look),
        planted("shows another tenant's object", True, _app(shared=True), look),
        planted("asks everybody", False, _app(), look),
    ]


ITEM = Item(
    key="authentication",
    order=1,
    area=Area.SECURITY,
    title="Authentication on every endpoint",
    question="Can anybody reach a route without a valid credential, or another tenant's data with one?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {
        **of_target(subject, "authentication", "accounts", "public_routes"),
        "commit": short(subject.commit),
    },
    changes=True,
    settings=AuthenticationSettings,
)
