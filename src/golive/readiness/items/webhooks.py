"""Webhooks: seven deliveries, of which one may have an effect, once. Judged by the effect, not by the status."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from golive.kit.outbound import Answer
from golive.readiness.accounts import accounts
from golive.readiness.asking import Ask, Site, until
from golive.readiness.inputs import of_target, short
from golive.readiness.item import Area, Item, Subject, command_environment, opened
from golive.readiness.planted import planted
from golive.readiness.programs import run
from golive.readiness.signing import SCHEMES, Scheme
from golive.readiness.verdict import CannotTell, Control, Report

OFF_SECONDS = 3600  # how far off stale and future deliveries are signed: beyond every provider's tolerance
PATIENCE = timedelta(seconds=10)
SETTLE_SECONDS = 1.0  # how long an effect that must not come is waited for
Effects = Callable[[str], int]  # how many effects a delivery with this nonce had


class Webhook(BaseModel):
    """One endpoint that a provider calls."""

    model_config = ConfigDict(extra="forbid")
    path: str
    """Where it is, such as "/webhooks/payments"."""
    scheme: Literal["stripe", "github", "standard", "hmac"]
    """How its deliveries are signed."""
    secret: str
    """The signing secret of the preview, by reference."""
    event: str
    """A file in `source`: a delivery's body. {{id}}, {{nonce}}, {{now}} and the owner's objects are filled in."""
    effect: list[str]
    """A program that prints how many effects the delivery with $GOLIVE_NONCE had: 0, 1, …"""


class WebhooksSettings(BaseModel):
    """Webhooks: the endpoints that providers call."""

    model_config = ConfigDict(extra="forbid")
    endpoints: dict[str, Webhook] = {}
    """Each endpoint by a name of your own."""
    none: bool = False
    """True says that the product takes no webhooks: then there is nothing to prove."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint with all that is needed to deliver to it."""

    name: str
    path: str
    scheme: Scheme
    secret: str
    body: Callable[[str, str], bytes]  # from delivery id and nonce
    effects: Effects


@dataclass(frozen=True)
class Delivery:
    """What is sent, and why it must have no effect (empty: it must)."""

    name: str
    nonce: str
    ask: Ask
    refuse: str


def deliveries(end: Endpoint, now: int) -> list[Delivery]:
    """The bad deliveries that apply to the scheme, then the good one."""

    def made(
        name: str, refuse: str, *, secret: str = "", at: int = now, alter: bool = False, signed: bool = True
    ) -> Delivery:
        nonce = f"golive{secrets.token_hex(6)}"
        ident = f"evt_{nonce}"
        body = end.body(ident, nonce)
        headers = {"Content-Type": "application/json", **end.scheme.sign(body, secret or end.secret, ident, at)}
        if not signed:
            headers.pop(end.scheme.signature)
        content = body.rstrip() + b" " if alter else body  # the same JSON in other bytes: only the signature can tell
        return Delivery(name, nonce, Ask(end.path, "POST", headers, content), refuse)

    found = [
        made("unsigned", "anybody can send it", signed=False),
        made("wrong key", "it is signed with another key", secret="whsec_" + "Z29saXZlLXdyb25nLWtleQ"),
        made("altered body", "its body was changed after signing", alter=True),
    ]
    if end.scheme.dated:
        found.append(made("stale", "it was signed an hour ago, so it may be a replay", at=now - OFF_SECONDS))
        found.append(made("future", "it is signed an hour ahead, so it could be replayed later", at=now + OFF_SECONDS))
    return [*found, made("valid", "")]


def examine_endpoint(
    site: Site, end: Endpoint, now: int, patience: timedelta = PATIENCE, settle_seconds: float = SETTLE_SECONDS
) -> Report:
    """Deliver everything, the good one twice, and count effects."""
    made = deliveries(end, now)
    report = Report(expected=len(made) + 1)
    subject = f"{end.name} ({end.path})"
    answers = {one.name: site.ask(one.ask) for one in made if one.refuse}
    time.sleep(settle_seconds)
    for one in made:
        answer = answers[one.name] if one.refuse else site.ask(one.ask)
        if answer is None:
            report.doubt(f"{subject}: {one.name}", f"{end.path} did not answer the {one.name} delivery")
            continue
        answers[one.name] = answer
        report.examined += 1
        if one.refuse:
            _judge_refused(report, subject, one, answer, end.effects(one.nonce))
        elif until(partial(_has_effect, end, one.nonce), patience):
            _again(report, site, subject, one, end, settle_seconds)
        else:
            report.convict(
                f"{subject}: valid", f"a properly signed delivery had no effect (it answered {answer.status})"
            )
    statuses = {name: answer.status for name, answer in answers.items() if answer}
    report.facts[end.name] = {"scheme": end.scheme.name, "statuses": statuses}
    report.exchanges = list(site.exchanges)
    return report


def _has_effect(end: Endpoint, nonce: str) -> bool:
    return end.effects(nonce) > 0


def _judge_refused(report: Report, subject: str, one: Delivery, answer: Answer, count: int) -> None:
    if count:
        report.convict(f"{subject}: {one.name}", f"the {one.name} delivery had an effect although {one.refuse}")
    elif answer.status >= 500:
        report.convict(f"{subject}: {one.name}", f"the {one.name} delivery broke it ({answer.status})")


def _again(report: Report, site: Site, subject: str, one: Delivery, end: Endpoint, settle_seconds: float) -> None:
    """The valid delivery once more, as providers do when they missed our answer."""
    before = end.effects(one.nonce)
    if site.ask(one.ask) is None:
        report.doubt(f"{subject}: duplicate", f"{end.path} did not answer the duplicate")
        return
    report.examined += 1
    time.sleep(settle_seconds)
    if end.effects(one.nonce) > before or before > 1:
        report.convict(f"{subject}: duplicate", "the same delivery, sent twice, had its effect twice")


def examine(subject: Subject) -> Report:
    wanted = subject.settings("webhooks", WebhooksSettings)
    if not wanted.endpoints:
        if wanted.none:
            return Report(examined=1, expected=1, facts={"declared": "the product takes no webhooks"})
        raise CannotTell(
            "webhooks", "no webhook endpoint is declared", "set [readiness.webhooks.endpoints.NAME], or none = true"
        )
    whole = Report()
    for name, one in wanted.endpoints.items():
        end = _endpoint(subject, name, one)
        whole.absorb(examine_endpoint(subject.site([end.secret]), end, int(time.time())))
    return whole


def _endpoint(subject: Subject, name: str, one: Webhook) -> Endpoint:
    folder = subject.folder()
    try:
        template = (folder / one.event).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotTell(
            name, f"the event {one.event} cannot be read", "set [readiness.webhooks.endpoints] event"
        ) from error
    objects = {}
    command: list[str] = getattr(subject.wanted, "accounts", [])
    if command:
        objects = accounts(subject, command).owner.kept()

    def body(ident: str, nonce: str) -> bytes:
        text = template
        for key, value in {**objects, "id": ident, "nonce": nonce, "now": int(time.time())}.items():
            text = text.replace("{{" + key + "}}", json.dumps(str(value))[1:-1])
        return text.encode()

    def effects(nonce: str) -> int:
        printed = run(one.effect, folder, command_environment(subject, GOLIVE_NONCE=nonce)).strip()
        if not printed.isdigit():
            raise CannotTell(name, "the effect program does not print a number", f"try it: {' '.join(one.effect)}")
        return int(printed)

    return Endpoint(
        name, one.path, SCHEMES[one.scheme], opened(one.secret, f"the secret of webhook {name}"), body, effects
    )


SECRET = "whsec_" + "cGxhbnRlZC1zZWNyZXQ"


def _planted(name: str, bad: bool, *, verify: bool = True, dated: bool = True, once: bool = True) -> Control:
    """A receiver of Stripe's scheme with one thing left out."""
    effects: Counter[str] = Counter()
    seen: set[str] = set()

    async def receive(request: Request) -> Response:
        body = await request.body()
        given = dict(part.partition("=")[::2] for part in request.headers.get("stripe-signature", "").split(","))
        at = int(given.get("t", "0"))
        right = SCHEMES["stripe"].sign(body, SECRET, "", at)["Stripe-Signature"].partition("v1=")[2]
        event = json.loads(body)
        if (verify and given.get("v1") != right) or (dated and abs(time.time() - at) > 300):
            return Response(status_code=400)
        if not once or event["id"] not in seen:
            effects[event["nonce"]] += 1
        seen.add(event["id"])
        return Response(status_code=200)

    def body(ident: str, nonce: str) -> bytes:
        return json.dumps({"id": ident, "nonce": nonce, "amount": 1}).encode()

    app = Starlette(routes=[Route("/hook", receive, methods=["POST"])])
    end = Endpoint("planted", "/hook", SCHEMES["stripe"], SECRET, body, lambda nonce: effects[nonce])
    brief = timedelta(seconds=2)
    return planted(name, bad, app, lambda site: examine_endpoint(site, end, int(time.time()), brief, 0.05))


def controls() -> list[Control]:
    return [
        _planted("does not verify", True, verify=False, dated=False),
        _planted("takes stale and future", True, dated=False),
        _planted("counts duplicates", True, once=False),
        _planted("verifies", False),
    ]


ITEM = Item(
    key="webhooks",
    order=8,
    area=Area.SECURITY,
    title="Webhook signatures verified",
    question="Can anybody but the provider make the product believe that something happened?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {
        **of_target(subject, "webhooks", "accounts"),
        "secrets": short(repr(sorted(_secrets(subject)))),
    },
    changes=True,
    settings=WebhooksSettings,
)


def _secrets(subject: Subject) -> list[str]:
    """Prints of the signing secrets, so that a rotation calls for a new proof."""
    endpoints = subject.settings("webhooks", WebhooksSettings).endpoints.values()
    found = []
    for one in endpoints:
        try:
            found.append(short(opened(one.secret, "secret")))
        except CannotTell:
            found.append("missing")
    return found
