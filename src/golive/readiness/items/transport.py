"""HTTPS everywhere: redirect, certificate, protocols and ciphers, HSTS, cookies, security headers."""

import re
import secrets
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from golive.config.values import Resolved
from golive.kit.connections import OutboundError
from golive.kit.outbound import Answer, fetch_blocking
from golive.readiness import testssl, tls
from golive.readiness.asking import PER_CALL, Ask, Site
from golive.readiness.inputs import of_target
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import judged, planted
from golive.readiness.verdict import CannotTell, Control, Report

HSTS_SECONDS = 15_552_000
_AGE = re.compile(r"max-age\s*=\s*\"?(\d+)", re.IGNORECASE)


class TransportSettings(BaseModel):
    """HTTPS, HSTS, cookies and security headers."""

    model_config = ConfigDict(extra="forbid")
    hosts: list[Resolved] = []
    """Further addresses of the product, such as "https://api.acme.example"; all are held to the same."""
    plain: Resolved = ""
    """The address without TLS that must redirect; default: http:// and the host."""
    pages: list[str] = ["/", "/login"]
    """Pages whose headers and cookies are judged, beside one that does not exist."""
    testssl: bool = True
    """Also run testssl.sh where it is installed; it takes a minute or two."""
    certificate_days: int = 14
    """How many days the certificate must still be valid."""


def examine_headers(site: Site, pages: list[str]) -> Report:
    """HSTS, security headers and cookies of pages, and of an error page."""
    missing = f"/golive-{secrets.token_hex(6)}"
    report = Report(expected=len(pages) + 1)
    for path, answer in zip([*pages, missing], site.all([Ask(path) for path in [*pages, missing]]), strict=True):
        if answer is None:
            report.doubt(f"{site.origin}{path}", f"{path} did not answer")
            continue
        report.examined += 1
        where = "the error page" if path == missing else path
        _judge_hsts(report, f"{site.origin} {where}", answer)
        _judge_headers(report, f"{site.origin} {where}", answer)
        _judge_cookies(report, f"{site.origin}", answer)
    report.exchanges = list(site.exchanges)
    return report


def _judge_hsts(report: Report, subject: str, answer: Answer) -> None:
    value = answer.header("strict-transport-security") or ""
    age = _AGE.search(value)
    if not age:
        report.convict(f"{subject} HSTS", "has no Strict-Transport-Security, so a first visit can be intercepted")
    elif int(age[1]) < HSTS_SECONDS:
        report.convict(f"{subject} HSTS", f"HSTS lasts {age[1]} s; at least {HSTS_SECONDS} are expected")


def _judge_headers(report: Report, subject: str, answer: Answer) -> None:
    policy = answer.header("content-security-policy") or ""
    wrong: Mapping[str, tuple[bool, str]] = {
        "nosniff": (
            (answer.header("x-content-type-options") or "").strip().lower() != "nosniff",
            "has no X-Content-Type-Options: nosniff, so uploads can be run as scripts",
        ),
        "frames": (
            not answer.header("x-frame-options") and "frame-ancestors" not in policy,
            "can be framed by any site (X-Frame-Options or frame-ancestors), so clicks can be stolen",
        ),
        "policy": (not policy, "has no Content-Security-Policy, so an injected script runs"),
        "scripts": (
            _allows_inline(policy),
            "its Content-Security-Policy allows inline scripts, so it stops no injection",
        ),
        "referrer": (
            not answer.header("referrer-policy"),
            "has no Referrer-Policy, so links in mails leak their tokens",
        ),
    }
    for name, (bad, text) in wrong.items():
        if bad:
            report.convict(f"{subject} {name}", text)


def _allows_inline(policy: str) -> bool:
    rules = {part.split()[0].lower(): part.lower() for part in policy.split(";") if part.split()}
    rule = rules.get("script-src") or rules.get("default-src") or ""
    return "'unsafe-inline'" in rule and "nonce-" not in rule and "sha256-" not in rule


def _judge_cookies(report: Report, subject: str, answer: Answer) -> None:
    for value in (value for name, value in answer.headers if name.lower() == "set-cookie"):
        name = value.partition("=")[0].strip()
        flags = {part.strip().partition("=")[0].lower() for part in value.split(";")[1:]}
        for flag, text in (
            ("secure", "is sent without TLS too (Secure is missing)"),
            ("httponly", "can be read by scripts (HttpOnly is missing)"),
            ("samesite", "is sent with other sites' requests (SameSite is missing)"),
        ):
            subject_of = f"{subject} cookie {name} {flag}"
            if flag not in flags and all(finding.subject != subject_of for finding in report.findings):
                report.convict(subject_of, f"the cookie {name} {text}")


def examine_tls(host: str, port: int, days: int, now: datetime, trust: ssl.SSLContext | None = None) -> Report:
    """The certificate, and what the server agrees to."""
    report, subject = Report(expected=4), f"{host}:{port}"
    try:
        trouble, until = tls.certificate(host, port, trust)
        old = [version.name for version in tls.OLD if tls.handshake(host, port, version).agreed]
        new = [v.name for v in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3) if tls.handshake(host, port, v).agreed]
        weak = tls.handshake(host, port, ssl.TLSVersion.TLSv1_2, f"{tls.WEAK}:@SECLEVEL=0")
        taken = tls.accepted(host, port)
    except OSError as error:
        raise CannotTell(subject, f"TLS of {subject} could not be asked: {error}", "golive doctor") from error
    report.examined = 4
    if trouble:
        report.convict(f"{subject} certificate", f"its certificate is not valid: {trouble}")
    elif until is None or until < now + timedelta(days=days):
        report.convict(f"{subject} certificate", f"its certificate ends {until:%Y-%m-%d}; {days} days are expected")
    if old:
        report.convict(f"{subject} protocols", f"it still speaks {', '.join(old)}")
    if not new:
        report.convict(f"{subject} protocols", "it speaks neither TLS 1.2 nor TLS 1.3")
    if weak.agreed:
        report.convict(f"{subject} ciphers", f"it agrees to {weak.cipher}")
    report.facts[subject] = {
        "protocols": new,
        "certificate until": until.isoformat() if until else None,
        "ciphers of TLS 1.2": taken,
        "beside Mozilla's intermediate profile": tls.deviations(taken),
    }
    return report


def examine_redirect(site: Site, plain: str) -> Report:
    """Without TLS nothing but the way to TLS."""
    report = Report(expected=1)
    try:
        answer = fetch_blocking(f"{plain}/", limits=PER_CALL, policy=site.policy)
    except OutboundError as error:
        report.examined = 1
        report.facts["plain"] = f"nothing answers at {plain} ({error})"
        return report
    report.examined = 1
    target = answer.header("location") or ""
    if answer.status not in (301, 302, 307, 308) or not target.startswith("https://"):
        report.convict(f"{plain} redirect", f"answers {answer.status} without TLS instead of redirecting to https")
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("transport", TransportSettings)
    whole = Report()
    first = subject.site()
    for url in [first.url, *wanted.hosts]:
        parts = urlsplit(url)
        if parts.scheme != "https":
            whole.examined, whole.expected = whole.examined + 1, whole.expected + 1
            whole.convict(url, "is not HTTPS")
            continue
        site = Site(url, policy=subject.policy)
        whole.absorb(examine_tls(parts.hostname or "", parts.port or 443, wanted.certificate_days, subject.now))
        if wanted.testssl:
            try:
                whole.absorb(testssl.examine(parts.hostname or "", parts.port or 443))
            except CannotTell as error:
                whole.doubts.append(error.doubt)
        whole.absorb(examine_headers(site, wanted.pages))
        plain = wanted.plain if url == first.url and wanted.plain else f"http://{parts.hostname}"
        whole.absorb(examine_redirect(site, plain))
    return whole


GOOD = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Set-Cookie": "sid=1; Secure; HttpOnly; SameSite=Lax",
}


def _app(headers: Mapping[str, str]) -> Starlette:
    async def answer(request: Request) -> Response:
        return PlainTextResponse("hello", headers=dict(headers))

    return Starlette(routes=[Route("/{path:path}", answer)])


def controls() -> list[Control]:
    look: Callable[[Site], Report] = lambda site: examine_headers(site, ["/"])  # noqa: E731
    bad: dict[str, Mapping[str, str]] = {
        "sends no HSTS": {name: value for name, value in GOOD.items() if name[0] != "S" or name == "Set-Cookie"},
        "sets a cookie for plain HTTP": {**GOOD, "Set-Cookie": "sid=1; HttpOnly; SameSite=Lax"},
        "allows inline scripts": {
            **GOOD,
            "Content-Security-Policy": "script-src 'unsafe-inline'; frame-ancestors 'none'",
        },
    }
    found = [planted(name, True, _app(headers), look) for name, headers in bad.items()]
    plain = planted("answers without TLS", True, _app(GOOD), lambda site: examine_redirect(site, site.url))
    good = planted("sends all of them", False, _app(GOOD), look)
    return [*found, plain, *_tls_controls(), good]


def _tls_controls() -> list[Control]:
    """A server with a certificate that nobody vouches for, and one that is vouched for by the client that asks."""
    now = datetime.now().astimezone()
    with tls.planted_server() as (port, trust):
        stranger = judged("has a certificate of its own making", True, lambda: examine_tls("localhost", port, 14, now))
        short = judged("its certificate ends soon", True, lambda: examine_tls("localhost", port, 90, now, trust))
        known = judged(
            "has a certificate that is trusted", False, lambda: examine_tls("localhost", port, 14, now, trust)
        )
    return [stranger, short, known]


ITEM = Item(
    key="transport",
    order=3,
    area=Area.SECURITY,
    title="HTTPS everywhere, HSTS",
    question="Can somebody on the way read or change what people see, or take their session?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: of_target(subject, "transport"),
    settings=TransportSettings,
    every=timedelta(hours=12),
    lasts=timedelta(days=2),
    tools=("cryptography",),
)
