"""Secrets in the environment, never in code: tree, full history, what browsers are served, and golive's own logs."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import orjson
from pydantic import BaseModel, ConfigDict

from golive.readiness.asking import Ask, Site
from golive.readiness.inputs import of_source, short
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import judged
from golive.readiness.routes import SQL
from golive.readiness.secretscan import trees
from golive.readiness.secretscan.rules import scan
from golive.readiness.verdict import CannotTell, Control, Report
from golive.telemetry import store
from golive.telemetry.store import StoreError

MOST_LOGS = 5000
MOST_ASSETS = 60


class SecretsSettings(BaseModel):
    """Secrets: where to look, and which of the past are worth nothing any more."""

    model_config = ConfigDict(extra="forbid")
    pages: list[str] = ["/"]
    """Pages whose scripts and styles are searched as browsers get them."""
    logs: bool = True
    """Also search the last day's logs in golive's own store."""
    revoked: dict[str, str] = {}
    """Prints of secrets in history that were revoked, each with the proof: "2026-03-01: rotated, log entry 4711"."""
    public: dict[str, str] = {}
    """Prints of what looks like a secret and is none, each with the reason."""


def examine_repository(folder: Path, revoked: Mapping[str, str], public: Mapping[str, str]) -> Report:
    """The working tree, then everything that history holds."""
    now, past = trees.tree(folder), trees.history(folder)
    report = Report(examined=now.examined + past.examined, expected=now.expected + past.expected)
    current = set()
    for placed in now.hits:
        current.add(placed.hit.fingerprint)
        if placed.hit.fingerprint not in public:
            how = " (encoded)" if placed.hit.encoded else ""
            place = f"{placed.path}:{placed.hit.line}"
            report.convict(
                f"{placed.path} {placed.hit.rule} {placed.hit.fingerprint}", f"holds a {placed.hit.rule}{how}", place
            )
    for placed in past.hits:
        mark = placed.hit.fingerprint
        if mark in current or mark in public or mark in revoked:
            continue
        current.add(mark)
        since = trees.commits_of(folder, placed.blob)
        report.convict(
            f"history {placed.path} {placed.hit.rule} {mark}",
            f"history holds a {placed.hit.rule} (commit {since}); revoke it, then note the proof under revoked",
        )
    report.facts["files"], report.facts["contents of history"] = now.expected, past.expected
    return report


class _Assets(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        link = given.get("src") if tag == "script" else given.get("href") if tag == "link" else None
        if link:
            self.found.append(link)


def examine_served(site: Site, pages: list[str], public: Mapping[str, str]) -> Report:
    """Pages and the scripts and styles that they load from the same origin, with source maps."""
    report, links = Report(), []
    answers = site.all([Ask(page) for page in pages])
    for page, answer in zip(pages, answers, strict=True):
        report.expected += 1
        if answer is None:
            report.doubt(page, f"{page} did not answer")
            continue
        report.examined += 1
        text = answer.body.decode("utf-8", "replace")
        _convict(report, f"served {page}", text, public)
        parser = _Assets()
        parser.feed(text)
        links += [urljoin(f"{site.url}{page}", link) for link in parser.found]
    own = sorted({link for link in links if urlsplit(link).netloc == urlsplit(site.url).netloc})[:MOST_ASSETS]
    for link, asset in zip(own, site.all([Ask(link) for link in own]), strict=True):
        report.expected += 1
        if asset is None:
            report.doubt(link, f"{link} did not answer")
            continue
        report.examined += 1
        _convict(report, f"served {urlsplit(link).path}", asset.body.decode("utf-8", "replace"), public)
    return report


def _convict(report: Report, where: str, text: str, public: Mapping[str, str]) -> None:
    for hit in scan(text):
        if hit.fingerprint not in public:
            report.convict(f"{where} {hit.rule} {hit.fingerprint}", f"everybody is served a {hit.rule}")


def examine_logs(project: str, public: Mapping[str, str]) -> Report:
    """The newest logs of the last day."""
    report = Report(expected=1)
    try:
        rows = store.rows(SQL["recent_logs"], project=project, most=MOST_LOGS)
    except StoreError as error:
        report.doubt("logs", f"golive's own logs could not be searched ({error})", "golive up")
        return report
    report.examined = 1
    report.facts["log records"] = len(rows)
    told = set()
    for row in rows:
        for hit in scan(f"{row['body']}\n{orjson.dumps(row['attributes']).decode()}"):
            if hit.fingerprint not in public and hit.fingerprint not in told:
                told.add(hit.fingerprint)
                report.convict(f"logs {hit.rule} {hit.fingerprint}", f"a log record holds a {hit.rule}")
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("secrets", SecretsSettings)
    whole = examine_repository(subject.folder(), wanted.revoked, wanted.public)
    try:
        whole.absorb(examine_served(subject.site(), wanted.pages, wanted.public))
    except CannotTell as error:
        whole.doubts.append(error.doubt)
    if wanted.logs:
        whole.absorb(examine_logs(subject.project, wanted.public))
    return whole


KEY = "AKIA" + "Q7XV2MZN4KLP3RTB"  # made up for the planted repositories, and split so that it is found only there


def _repository(folder: Path, contents: Sequence[Mapping[str, str]]) -> None:
    """A repository with one commit for each set of files."""

    def git(*words: str) -> None:
        identity = ["-c", "user.name=golive", "-c", "user.email=golive@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, "-C", str(folder), *words], check=True, capture_output=True)

    git("init", "-q")
    for files in contents:
        for name, text in files.items():
            (folder / name).write_text(text)
        git("add", "-A")
        git("commit", "-qm", "planted")


def controls() -> list[Control]:
    clean = {"settings.py": 'import os\nSECRET = os.environ["APP_SECRET"]\n'}
    dirty = {"settings.py": f'AWS_KEY = "{KEY}"\n'}
    planted = {
        "a key in the tree": (True, [dirty]),
        "a key in history alone": (True, [dirty, clean]),
        "secrets from the environment": (False, [clean, {"note.txt": json.dumps({"key": "env:APP_KEY"})}]),
    }
    found = []
    for name, (bad, contents) in planted.items():
        with tempfile.TemporaryDirectory(prefix="golive-planted-") as folder:
            _repository(Path(folder), contents)
            found.append(judged(name, bad, lambda: examine_repository(Path(folder), {}, {})))
    return found


ITEM = Item(
    key="secrets",
    order=5,
    area=Area.SECURITY,
    title="Secrets in the environment, never in code",
    question="Can somebody who reads the repository, a page or a log act as the product?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {
        **of_source(subject, "secrets"),
        "release": subject.release or "not recorded",
        "tree": _print_of_changes(subject),
    },
    settings=SecretsSettings,
)


def _print_of_changes(subject: Subject) -> str:
    """A print of what differs from the commit."""
    if subject.source is None:
        return "none"
    try:
        done = subprocess.run(
            ["git", "-C", str(subject.source), "diff", "HEAD"], capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unreadable"
    return short(done.stdout.decode("utf-8", "replace")) if done.stdout else "none"
