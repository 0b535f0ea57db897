"""Mistakes that a product may have, each planted by name with ACME_DEFECTS: what `golive check` must find.

They replace parts of the product while it starts, so that the product itself knows nothing of them.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acme import letters, onboarding, passwords, people, ratelimit, second_factor
from acme.api import identity as api_identity
from acme.faults.switches import WrongFault
from acme.models import Account, ApiKey, Login, MailToken, OnboardingStep, Project, User
from acme.payments import signature, webhook
from acme.payments.client import PaymentClient, ProviderSubscription
from acme.plans import Plan
from acme.telemetry.events import tell
from acme.tokens import token_hash
from acme.web import auth, contact, security, webhooks
from acme.work import Work

Change = Callable[[FastAPI], None]
Answer = Callable[[MutableHeaders, Headers], None]
KEY = "AKIA" + "Z5QWTN7RXK3MVB2L"  # of nobody; in two parts, so that this file holds none


def install_defects(app: FastAPI, names: str) -> None:
    """Plant the defects of a list separated by commas. Raises WrongFault for a name that is none."""
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in DEFECTS:
            raise WrongFault(f"no defect {name!r}; there are {', '.join(DEFECTS)}")
        DEFECTS[name](app)


class _Rewrite:
    """Changes answers on their way out: headers by a function, the body by another."""

    def __init__(
        self, app: ASGIApp, headers: Answer | None = None, body: Callable[[str, bytes], bytes] | None = None
    ) -> None:
        self._app, self._headers, self._body = app, headers, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if self._headers:
                    self._headers(headers, Headers(scope=scope))
                if self._body and "content-length" in headers:
                    del headers["content-length"]
            elif message["type"] == "http.response.body" and self._body and message.get("body"):
                message["body"] = self._body(scope["path"], message["body"])
            await send(message)

        await self._app(scope, receive, out if scope["type"] == "http" else send)


def _headers(change: Answer) -> Change:
    return lambda app: app.add_middleware(_Rewrite, headers=change)


def _body(change: Callable[[str, bytes], bytes]) -> Change:
    return lambda app: app.add_middleware(_Rewrite, body=change)


def _without(name: str) -> Change:
    def change(headers: MutableHeaders, asked: Headers) -> None:
        if name in headers:
            del headers[name]

    return _headers(change)


def _on(path: str, old: bytes, new: bytes) -> Change:
    """Replace words of one page."""
    return _body(lambda where, body: body.replace(old, new) if where == path else body)


# Authentication


def open_route(app: FastAPI) -> None:
    """The report is shown to anybody."""

    class Open:
        def __init__(self, inner: ASGIApp) -> None:
            self._inner = inner

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] == "/api/report":
                await JSONResponse({"open": 1, "done": 1, "overdue": 0})(scope, receive, send)
            else:
                await self._inner(scope, receive, send)

    app.add_middleware(Open)


def cross_tenant(app: FastAPI) -> None:
    """Projects are found whoever's they are."""

    def project(self: Work, project_id: int) -> Project | None:
        return self._db.get(Project, project_id)

    Work.project = project  # type: ignore[method-assign]


def revoked_keys_work(app: FastAPI) -> None:
    def by_api_key(db: Session, key: str) -> User | None:
        found = db.scalar(select(ApiKey).where(ApiKey.key_hash == token_hash(key)))
        return found.user if found else None

    people.by_api_key = by_api_key


# Rate limits


def no_login_limit(app: FastAPI) -> None:
    spend = ratelimit.spend

    def only_others(db: Session, limit: ratelimit.Limit, *rest: Any) -> None:
        if not limit.name.startswith("login:"):
            spend(db, limit, *rest)

    ratelimit.spend = only_others  # type: ignore[assignment]


def believes_real_ip(app: FastAPI) -> None:
    """The address is what the client says."""

    def address_of(request: Any) -> str:
        return str(request.headers.get("x-real-ip") or (request.client.host if request.client else ""))

    for module in (auth, contact, api_identity):
        module.address_of = address_of  # type: ignore[attr-defined]


# HTTPS


def insecure_cookies(headers: MutableHeaders, asked: Headers) -> None:
    for index, (name, value) in enumerate(headers.raw):
        if name == b"set-cookie":
            headers.raw[index] = (name, value.replace(b"; Secure", b"").replace(b"; secure", b""))


def inline_scripts(headers: MutableHeaders, asked: Headers) -> None:
    headers["content-security-policy"] = "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


# CORS


def _cors(allowed: Callable[[str], str]) -> Change:
    def change(headers: MutableHeaders, asked: Headers) -> None:
        if found := allowed(asked.get("origin", "")):
            headers["access-control-allow-origin"] = found
            headers["access-control-allow-credentials"] = "true"
            headers["vary"] = "Origin"

    return _headers(change)


# Webhooks


def unsigned_webhooks(app: FastAPI) -> None:
    webhooks.judge = lambda *_: signature.Verdict.GOOD  # type: ignore[attr-defined]


def stale_webhooks(app: FastAPI) -> None:
    signature.TOLERANCE = timedelta(days=365)


def double_webhooks(app: FastAPI) -> None:
    """Each delivery is booked anew."""
    record, count = webhook._record_invoice, [0]

    def again(db: Session, account: Any, invoice: dict[str, Any], status: str, outcome: webhook.Outcome) -> None:
        count[0] += 1
        record(db, account, {**invoice, "id": f"{invoice['id']}-{count[0]}"}, status, outcome)

    webhook._record_invoice = again
    webhook._first_time = lambda db, event: True


def lost_webhooks(app: FastAPI) -> None:
    """Invoices are acknowledged and forgotten."""
    webhook._record_invoice = lambda *_: None


# Flows


def any_password(app: FastAPI) -> None:
    passwords.is_right = lambda password, kept: bool(kept)


def links_work_again(app: FastAPI) -> None:
    """A link in a mail is never used up."""

    def holder(db: Session, token: str, purposes: Any, now: datetime) -> MailToken | None:
        link = db.get(MailToken, token_hash(token))
        return link if link is not None and link.purpose in purposes else None

    people.holder = holder
    people._use = lambda db, link, now: True


def codes_work_again(app: FastAPI) -> None:
    accepted = second_factor.accepted_step
    second_factor.accepted_step = lambda secret, code, now, last: accepted(secret, code, now, 0)

    def spend_code(db: Session, user: User, code: str, now: datetime) -> bool:
        kept = second_factor.of(db, user)
        if kept is None or accepted(kept.secret, code, now, 0) is None:
            return False
        kept.confirmed_at = kept.confirmed_at or now
        db.commit()
        return True

    second_factor.spend_code = spend_code
    security.second_factor = second_factor  # type: ignore[attr-defined]


def sessions_survive(app: FastAPI) -> None:
    """A new password leaves who was logged in logged in."""
    choose = people.choose_password

    def keeps(db: Session, token: str, password: str, now: datetime) -> User | None:
        link = db.get(MailToken, token_hash(token))
        logins = [] if link is None else db.scalars(select(Login).where(Login.user_id == link.user_id)).all()
        kept = [(one.token_hash, one.user_id, one.expires_at) for one in logins]
        user = choose(db, token, password, now)
        for hashed, ident, ends in kept if user is not None else ():
            db.merge(Login(token_hash=hashed, user_id=ident, expires_at=ends))
        db.commit()
        return user

    people.choose_password = keeps


def no_upgrade(app: FastAPI) -> None:
    """A change of plan is confirmed and not made."""

    def unchanged(self: PaymentClient, ident: str, plan: Plan) -> ProviderSubscription:
        return self.subscription(ident)

    PaymentClient.change_plan = unchanged  # type: ignore[method-assign]


def no_cancel(app: FastAPI) -> None:
    PaymentClient.end_at_period_end = lambda self, ident, ending: self.subscription(ident)  # type: ignore[method-assign]


def failure_unpunished(app: FastAPI) -> None:
    """Whoever begins to pay has the plan at once, whatever becomes of the card."""
    checkout = PaymentClient.checkout

    def trusting(self: PaymentClient, plan: Plan, account_id: int, *rest: Any) -> str:
        with Session(app.state.engine) as db:
            db.execute(update(Account).where(Account.id == account_id).values(plan=plan.key))
            db.commit()
        return checkout(self, plan, account_id, *rest)

    PaymentClient.checkout = trusting  # type: ignore[method-assign, assignment]


def step_untold(app: FastAPI) -> None:
    """One step is ticked off without an event."""
    reach = onboarding.reach

    def silent(db: Session, user: User, step: onboarding.Step) -> bool:
        if step is not onboarding.Step.TASK:
            return reach(db, user, step)
        db.merge(OnboardingStep(account_id=user.account_id, step=step.value))
        db.commit()
        return True

    onboarding.reach = silent


def step_told_twice(app: FastAPI) -> None:
    reach = onboarding.reach

    def twice(db: Session, user: User, step: onboarding.Step) -> bool:
        first = reach(db, user, step)
        if first and step is onboarding.Step.PROJECT:
            tell(step.value, user)
        return first

    onboarding.reach = twice


def unsubscribe_ignored(app: FastAPI) -> None:
    letters.unsubscribe = lambda db, secret, token, now: True


def support_lost(app: FastAPI) -> None:
    """Messages to support are thanked for and dropped."""
    send = app.state.send
    app.state.send = lambda letter: None if letter.subject.startswith("Support:") else send(letter)


def logged_secret(app: FastAPI) -> None:
    logger = logging.getLogger("acme.storage")

    @app.middleware("http")
    async def tell_it(request: Any, call_next: Any) -> Any:
        logger.warning("storage answered late for %s", KEY)
        return await call_next(request)


_SCRIPT = f'<script>const storage = "{KEY}"</script></head>'.encode()
DEFECTS: Mapping[str, Change] = {
    "open_route": open_route,
    "cross_tenant": cross_tenant,
    "revoked_keys_work": revoked_keys_work,
    "no_login_limit": no_login_limit,
    "believes_real_ip": believes_real_ip,
    "no_retry_after": _without("retry-after"),
    "no_hsts": _without("strict-transport-security"),
    "insecure_cookies": _headers(insecure_cookies),
    "inline_scripts": _headers(inline_scripts),
    "no_nosniff": _without("x-content-type-options"),
    "cors_reflects": _cors(lambda origin: origin),
    "cors_star": _cors(lambda origin: "*"),
    "cors_suffix": _cors(lambda origin: origin if origin.endswith("app.acme.example") else ""),
    "cors_none": _without("access-control-allow-origin"),
    "unsigned_webhooks": unsigned_webhooks,
    "stale_webhooks": stale_webhooks,
    "double_webhooks": double_webhooks,
    "lost_webhooks": lost_webhooks,
    "any_password": any_password,
    "links_work_again": links_work_again,
    "codes_work_again": codes_work_again,
    "sessions_survive": sessions_survive,
    "no_upgrade": no_upgrade,
    "no_cancel": no_cancel,
    "failure_unpunished": failure_unpunished,
    "step_untold": step_untold,
    "step_told_twice": step_told_twice,
    "unsubscribe_ignored": unsubscribe_ignored,
    "support_lost": support_lost,
    "logged_secret": logged_secret,
    "served_secret": _body(lambda where, body: body.replace(b"</head>", _SCRIPT) if where == "/login" else body),
    "terms_placeholder": _on("/terms", b"acme Tracking GmbH", b"[Your Company]"),
    "terms_undated": _on("/terms", b"In force since 1 September 2026", b"In force"),
    "signup_unlinked": _on("/signup", b"/privacy", b"/"),
    "support_unlinked": _on("/", b"/support", b"/"),
}
