"""Terms and privacy: published, dated, without placeholders, linked from signup, each version kept by its hash."""

import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from golive.kit.folders import data_folder
from golive.readiness.asking import Ask, Site
from golive.readiness.inputs import of_target
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import planted
from golive.readiness.verdict import Control, Report

LONGEST = 200_000  # characters of a version that are kept
_PLACEHOLDER = re.compile(
    r"lorem ipsum|\[(?:your|company|insert|name|date|address)[^\]]*\]|\bTODO\b|\bTBD\b|\bFIXME\b|\{\{|<%|your company|"
    r"example company|coming soon|under construction|xxx+",
    re.IGNORECASE,
)
_MONTHS = (
    r"jan\w*|feb\w*|mar\w*|apr\w*|may|jun\w*|jul\w*|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*|"
    r"januar|februar|märz|mai|juni|juli|oktober|dezember"
)
_DATE = re.compile(
    rf"\b(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}\.? (?:{_MONTHS}) \d{{4}}|(?:{_MONTHS}) \d{{1,2}}, \d{{4}})\b", re.I
)


class LegalSettings(BaseModel):
    """Terms and privacy."""

    model_config = ConfigDict(extra="forbid")
    documents: dict[str, str] = {"terms": "/terms", "privacy": "/privacy"}
    """Where each document is."""
    linked_from: str = "/signup"
    """The page that must link to all of them."""
    words: int = 120
    """How many words a document has at least."""


class _Text(HTMLParser):
    """The words of a page's main part and all its links."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.words: list[str] = []
        self.heading: list[str] = []
        self._silent = 0
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "nav", "header", "footer"):
            self._silent += 1
        self._in_heading = tag == "h1" or (self._in_heading and tag not in ("p", "h2"))
        if tag == "a":
            self.links.add((dict(attrs).get("href") or "").partition("#")[0].partition("?")[0])

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "nav", "header", "footer"):
            self._silent = max(0, self._silent - 1)
        if tag == "h1":
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words += data.split()
            if self._in_heading:
                self.heading += data.split()


def read(body: bytes) -> _Text:
    parser = _Text()
    parser.feed(body.decode("utf-8", "replace"))
    return parser


def examine_site(site: Site, wanted: LegalSettings) -> Report:
    """Each document, the page that links to them, and a page that does not exist (the soft-404 control)."""
    missing = f"/golive-{secrets.token_hex(6)}"
    paths = [missing, wanted.linked_from, *wanted.documents.values()]
    answers = dict(zip(paths, site.all([Ask(path) for path in paths]), strict=True))
    report = Report(expected=len(wanted.documents) + 1)
    nowhere = answers[missing]
    soft = nowhere is not None and nowhere.status == 200
    void = " ".join(read(nowhere.body).words) if nowhere else ""
    for name, path in wanted.documents.items():
        answer = answers[path]
        if answer is None:
            report.doubt(name, f"{path} did not answer")
            continue
        report.examined += 1
        if answer.status != 200:
            report.convict(f"{name} {path}", f"is not published ({path} answers {answer.status})")
            continue
        _judge(report, name, path, read(answer.body), void if soft else "", wanted.words)
    signup = answers[wanted.linked_from]
    if signup is None or signup.status != 200:
        report.doubt("signup", f"{wanted.linked_from} answers {signup.status if signup else 'nothing'}")
    else:
        report.examined += 1
        links = _own_links(signup.body)
        for name, path in wanted.documents.items():
            if not any(link == path or link.endswith(path) for link in links):
                report.convict(f"{name} link", f"{wanted.linked_from} does not link to {path} where people sign up")
    report.exchanges = list(site.exchanges)
    return report


def _own_links(body: bytes) -> set[str]:
    """Links of the page's own part: those of a footer that is on every page say nothing about signing up."""
    text = body.decode("utf-8", "replace")
    return read(re.sub(r"(?is)<(footer|header|nav)\b.*?</\1>", "", text).encode()).links


def _judge(report: Report, name: str, path: str, page: _Text, void: str, least: int) -> None:
    text = " ".join(page.words)
    subject = f"{name} {path}"
    if void and text == void:
        report.convict(subject, "is the page that answers for anything that does not exist (soft 404)")
        return
    if len(page.words) < least:
        report.convict(subject, f"has {len(page.words)} words; at least {least} are expected of a real document")
    if found := _PLACEHOLDER.search(text):
        report.convict(f"{subject} placeholder", f"still has a placeholder: {found[0]!r}")
    if not _DATE.search(text):
        report.convict(f"{subject} date", "says nowhere since when it is in force")
    report.facts[name] = {
        "path": path, "sha256": sha256(text.encode()).hexdigest(), "words": len(page.words), "text": text[:LONGEST],
    }  # fmt: skip


def examine(subject: Subject) -> Report:
    wanted = subject.settings("legal", LegalSettings)
    report = examine_site(subject.site(), wanted)
    for name in wanted.documents:
        if name in report.facts:
            folder = data_folder() / "readiness" / subject.project / subject.place / re.sub(r"[^\w-]", "_", name)
            report.facts[name]["versions"] = kept(folder, report.facts[name].pop("text"), subject.now)
    return report


def kept(folder: Path, text: str, now: datetime) -> list[str]:
    """Keep a version that is new; the names of all, the oldest first: since when each was seen, and its print."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark = sha256(text.encode()).hexdigest()[:16]
    versions = sorted(file.stem for file in folder.glob("*.txt"))
    if not versions or not versions[-1].endswith(mark):
        newest = f"{now:%Y%m%dT%H%M%SZ}-{mark}"
        (folder / f"{newest}.txt").write_text(text, encoding="utf-8")
        versions.append(newest)
    return versions


_GOOD = "<h1>Terms</h1><p>In force since 1 September 2026</p><p>" + "We do what we say and say what we do. " * 20
_LINKS = '<form><a href="/terms">Terms</a> <a href="/privacy">Privacy</a></form>'


def _app(terms: str, signup: str = _LINKS, *, soft: bool = False) -> Starlette:
    pages = {"/terms": terms, "/privacy": _GOOD.replace("Terms", "Privacy"), "/signup": signup}

    async def answer(request: Request) -> Response:
        text = pages.get(request.url.path)
        return HTMLResponse(text or (_GOOD if soft else "nothing here"), 200 if text or soft else 404)

    return Starlette(routes=[Route("/{path:path}", answer)])


def controls() -> list[Control]:
    look: Callable[[Site], Report] = lambda site: examine_site(site, LegalSettings())  # noqa: E731
    bad = {
        "has placeholders": _app(_GOOD + " [Your Company]"),
        "has no date": _app(_GOOD.replace("1 September 2026", "then")),
        "answers anything with the same page": _app("", soft=True),
        "does not link from signup": _app(_GOOD, signup="<form></form><footer>" + _LINKS + "</footer>"),
        "is missing": _app(""),
    }
    found = [planted(name, True, app, look) for name, app in bad.items()]
    return [*found, planted("is published", False, _app(_GOOD), look)]


ITEM = Item(
    key="legal",
    order=17,
    area=Area.LAUNCH,
    title="Terms and privacy published",
    question="Can people read what they agree to, before they do?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: of_target(subject, "legal"),
    settings=LegalSettings,
    every=timedelta(hours=12),
)
