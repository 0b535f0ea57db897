"""CORS: scripts of other sites must not read answers; those of your own origins may."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from golive.kit.outbound import Answer
from golive.readiness.asking import Ask, Site
from golive.readiness.inputs import of_target
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import planted
from golive.readiness.verdict import Control, Report

COOKIE = "golive_probe=1"


class CorsSettings(BaseModel):
    """CORS: which origins may read answers."""

    model_config = ConfigDict(extra="forbid")
    origins: list[str] = []
    """Your own origins that may, such as "https://app.acme.example"; none when only the product's own pages do."""
    paths: list[str] = ["/"]
    """Paths to ask, without parameters."""


@dataclass(frozen=True)
class Stranger:
    """An origin that is not yours, and which mistake it catches."""

    origin: str
    catches: str


def strangers(own: str) -> list[Stranger]:
    """Origins made from one of your own as an attacker would choose them."""
    parts = urlsplit(own)
    host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    found = [
        Stranger("https://evil.example", "any origin is reflected"),
        Stranger("null", "sandboxed frames and files have this origin"),
        Stranger(f"{parts.scheme}://{host}.evil.example{port}", "compared by prefix"),
        Stranger(f"{parts.scheme}://evil{host}{port}", "compared by suffix"),
        Stranger(f"{parts.scheme}://golive-probe.{host}{port}", "any subdomain, also a taken-over one"),
    ]
    if parts.scheme == "https":
        found.append(Stranger(f"http://{host}{port}", "whoever is on the network speaks for http"))
    return found


def examine_site(site: Site, origins: list[str], paths: list[str]) -> Report:
    """Ask every path as strangers and as each own origin, plainly and before a request, with and without a cookie."""
    own = origins or [site.origin]
    asks: list[tuple[Ask, str, Stranger | None, bool]] = []
    for path in paths:
        for base in own:
            asks += [(ask, base, None, pre) for ask, pre in _ways(path, base)]
            asks += [
                (ask, one.origin, one, pre)
                for one in strangers(base)
                if one.origin not in own
                for ask, pre in _ways(path, one.origin)
            ]
    answers = site.all([ask for ask, *_ in asks])
    report = Report(expected=len(asks), exchanges=site.exchanges)
    for (ask, origin, stranger, pre), answer in zip(asks, answers, strict=True):
        if answer is None:
            report.doubt(f"{ask.method} {ask.path} from {origin}", f"{ask.path} did not answer", "golive check cors")
            continue
        report.examined += 1
        if stranger is not None:
            _judge_stranger(report, ask, answer, stranger)
        else:
            _judge_own(report, ask, answer, origin, declared=bool(origins), preflight=pre)
    report.facts["origins"] = [*own, *sorted({one.origin for base in own for one in strangers(base)})]
    return report


def _ways(path: str, origin: str) -> Iterator[tuple[Ask, bool]]:
    for cookie in ({}, {"Cookie": COOKIE}):
        yield Ask(path, headers={"Origin": origin, **cookie}), False
        asking = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        yield Ask(path, "OPTIONS", {"Origin": origin, **asking, **cookie}), True


def _judge_stranger(report: Report, ask: Ask, answer: Answer, stranger: Stranger) -> None:
    allowed = (answer.header("access-control-allow-origin") or "").strip()
    if allowed not in ("*", stranger.origin):
        return
    cookies = (answer.header("access-control-allow-credentials") or "").lower() == "true"
    how = "with cookies" if cookies and allowed != "*" else "without cookies"
    subject = f"{ask.path} from {stranger.origin}"
    if all(finding.subject != subject for finding in report.findings):
        report.convict(subject, f"answers {allowed!r}: scripts there may read it {how} ({stranger.catches})")


def _judge_own(report: Report, ask: Ask, answer: Answer, origin: str, *, declared: bool, preflight: bool) -> None:
    """The positive control: an origin of yours must work, or the refusals above prove nothing."""
    subject = f"{ask.path} from {origin}"
    allowed = (answer.header("access-control-allow-origin") or "").strip()
    if not declared:
        if not preflight and answer.status >= 500:
            report.doubt(subject, f"{ask.path} answers {answer.status} to the product's own origin")
        return
    if any(finding.subject == subject for finding in report.findings):
        return
    if allowed not in ("*", origin):
        report.convict(subject, f"your own origin is not allowed (answers {allowed or 'no header'!r})")
    elif allowed == origin and "origin" not in (answer.header("vary") or "").lower():
        report.convict(subject, "the answer names the origin without Vary: Origin, so a cache mixes origins up")


def examine(subject: Subject) -> Report:
    wanted = subject.settings("cors", CorsSettings)
    return examine_site(subject.site(), wanted.origins, wanted.paths)


OWN = "https://app.example.com"


def _app(allows: Callable[[str], str]) -> Starlette:
    async def answer(request: Request) -> Response:
        allowed = allows(request.headers.get("origin", ""))
        headers: Mapping[str, str] = {"vary": "Origin"} | (
            {"access-control-allow-origin": allowed, "access-control-allow-credentials": "true"} if allowed else {}
        )
        return JSONResponse({"secret": "planted"}, headers=dict(headers))

    return Starlette(routes=[Route("/", answer, methods=["GET", "OPTIONS"])])


def controls() -> list[Control]:
    bad: dict[str, Callable[[str], str]] = {
        "reflects any origin": lambda origin: origin,
        "compares by prefix": lambda origin: origin if origin.startswith(OWN) else "",
        "allows nobody": lambda origin: "",
    }
    found = [
        planted(name, True, _app(rule), lambda site: examine_site(site, [OWN], ["/"])) for name, rule in bad.items()
    ]
    good = planted(
        "allows one origin exactly",
        False,
        _app(lambda o: o if o == OWN else ""),
        lambda s: examine_site(s, [OWN], ["/"]),
    )
    return [*found, good]


ITEM = Item(
    key="cors",
    order=7,
    area=Area.SECURITY,
    title="CORS for your domains only",
    question="Can scripts of other sites read what the product answers?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: of_target(subject, "cors"),
    settings=CorsSettings,
)
