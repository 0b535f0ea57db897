"""Secrets in the environment, never in code: tree, full history, what browsers are served, and golive's own logs."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated
from urllib.parse import urljoin, urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field

from golive.kit.connections import Policy
from golive.readiness import origins, revocation
from golive.readiness.asking import Ask, Site
from golive.readiness.inputs import of_source, short
from golive.readiness.item import Area, Item, Subject
from golive.readiness.origins import Origin
from golive.readiness.planted import judged
from golive.readiness.revocation import Worth
from golive.readiness.routes import SQL
from golive.readiness.secretscan import trees
from golive.readiness.secretscan.rules import scan_for
from golive.readiness.verdict import CannotTell, Control, Report
from golive.telemetry import store
from golive.telemetry.store import StoreError

MOST_LOGS = 5000
MOST_ASSETS = 60


Note = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}: \S.{7,}")]


class SecretsSettings(BaseModel):
    """Secrets: where to look, and which of the past are worth nothing any more."""

    model_config = ConfigDict(extra="forbid")
    pages: list[str] = ["/"]
    """Pages whose scripts and styles are searched as browsers get them."""
    artifacts: list[str] = []
    """What is built, below `source`: folders, wheels, tar and zip archives."""
    logs: bool = True
    """Also search the last day's logs in golive's own store."""
    running: dict[str, str] = {}
    """The secrets of the running product by name, each with where it comes from: STRIPE_KEY = "env:STRIPE_KEY"."""
    revoked: dict[str, Note] = {}
    """Prints of secrets in history that were revoked, each with the proof: "2026-03-01: rotated, log entry 4711".
    Only needed where golive cannot ask the provider itself."""
    providers: dict[str, str] = {}
    """Addresses of providers that are asked whether a leaked secret still works: of your own ones, and which GitHub or
    GitLab issued yours, such as gitlab = "https://gitlab.com"; without that a refusal there proves nothing."""
    public: dict[str, str] = {}
    """Prints of what looks like a secret and is none, each with the reason."""


@dataclass(frozen=True)
class Past:
    """How hits of history are judged: notes of revocations, and who may be asked about the others."""

    revoked: Mapping[str, str] = field(default_factory=dict)
    public: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)
    policy: Policy | None = None


def examine_repository(folder: Path, past: Past, known: Mapping[str, str] | None = None) -> Report:
    """The working tree, then everything that history holds; `known` are secrets of the running product by name."""
    now, before = trees.tree(folder, known), trees.history(folder, known)
    report = Report(examined=now.examined + before.examined, expected=now.expected + before.expected)
    current = set()
    for placed in now.hits:
        current.add(placed.hit.fingerprint)
        if placed.hit.fingerprint not in past.public:
            how = " (encoded)" if placed.hit.encoded else ""
            place = f"{placed.path}:{placed.hit.line}"
            report.convict(
                f"{placed.path} {placed.hit.rule} {placed.hit.fingerprint}", f"holds {placed.hit.named}{how}", place
            )
    for placed in before.hits:
        if placed.hit.fingerprint not in current and placed.hit.fingerprint not in past.public:
            current.add(placed.hit.fingerprint)
            _judge_past(report, folder, placed, past)
    report.facts["files"], report.facts["contents of history"] = now.expected, before.expected
    return report


def _judge_past(report: Report, folder: Path, placed: trees.Placed, past: Past) -> None:
    """A secret in history passes only with proof that it is worth nothing."""
    hit = placed.hit
    worth, said = revocation.worth(hit.rule, hit.secret, past.providers, past.policy)
    subject = f"history {placed.path} {hit.rule} {hit.fingerprint}"
    if worth is Worth.REFUSED or (worth is Worth.UNKNOWN and hit.fingerprint in past.revoked):
        report.facts[f"revoked {hit.fingerprint}"] = said if worth is Worth.REFUSED else past.revoked[hit.fingerprint]
        return
    since = trees.commits_of(folder, placed.blob)
    if worth is Worth.LIVE:
        noted = ", although it is noted as revoked" if hit.fingerprint in past.revoked else ""
        report.convict(subject, f"history holds {hit.named} (commit {since}) that still works ({said}){noted}")
        return
    todo = "revoke it, then note the proof under revoked"
    report.convict(subject, f"history holds {hit.named} (commit {since}); {said}: {todo}")


class _Assets(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        link = given.get("src") if tag == "script" else given.get("href") if tag == "link" else None
        if link:
            self.found.append(link)


def examine_served(
    site: Site, pages: list[str], public: Mapping[str, str], known: Mapping[str, str] | None = None
) -> Report:
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
        _convict(report, f"served {page}", text, public, known or {})
        parser = _Assets()
        parser.feed(text)
        links += _whole(f"{site.url}{page}", parser.found)
    own = sorted({link for link in links if urlsplit(link).netloc == urlsplit(site.url).netloc})[:MOST_ASSETS]
    for link, asset in zip(own, site.all([Ask(link) for link in own]), strict=True):
        report.expected += 1
        if asset is None:
            report.doubt(link, f"{link} did not answer")
            continue
        report.examined += 1
        where, text = f"served {urlsplit(link).path}", asset.body.decode("utf-8", "replace")
        _convict(report, where, text, public, known or {})
    return report


def _whole(page: str, links: Sequence[str]) -> list[str]:
    """Links as addresses, without those that are none."""
    found = []
    for link in links:
        with contextlib.suppress(ValueError):
            found.append(urljoin(page, link))
    return found


def _convict(report: Report, where: str, text: str, public: Mapping[str, str], known: Mapping[str, str]) -> None:
    for hit in scan_for(text, known):
        if hit.fingerprint not in public:
            report.convict(f"{where} {hit.rule} {hit.fingerprint}", f"everybody is served {hit.named}")


def examine_logs(project: str, public: Mapping[str, str], known: Mapping[str, str] | None = None) -> Report:
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
        for hit in scan_for(f"{row['body']}\n{orjson.dumps(row['attributes']).decode()}", known or {}):
            if hit.fingerprint not in public and hit.fingerprint not in told:
                told.add(hit.fingerprint)
                report.convict(f"logs {hit.rule} {hit.fingerprint}", f"a log record holds {hit.named}")
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("secrets", SecretsSettings)
    whole = Report()
    running = origins.known(subject, wanted.running, whole)
    known = origins.searchable(running)
    whole.absorb(origins.examine_origins(running, subject.source))
    _undeclared(whole, subject.folder(), running)
    past = Past(wanted.revoked, wanted.public, wanted.providers, subject.policy)
    whole.absorb(examine_repository(subject.folder(), past, known))
    for where in wanted.artifacts:
        whole.absorb(examine_artifacts(subject.folder() / where, wanted.public, known))
    try:
        whole.absorb(examine_served(subject.site(), wanted.pages, wanted.public, known))
    except CannotTell as error:
        whole.doubts.append(error.doubt)
    if wanted.logs:
        whole.absorb(examine_logs(subject.project, wanted.public, known))
    return whole


def _undeclared(report: Report, folder: Path, running: Sequence[Origin]) -> None:
    """Nothing is known of secrets that nobody names."""
    if not running and not report.doubts:
        text = "where the secrets of the running product come from is not declared"
        report.doubt("running", text, 'set [readiness.secrets] running = { STRIPE_KEY = "env:STRIPE_KEY" }')
    for name, file in origins.undeclared(folder, [one.name for one in running]).items():
        text = f"{file} reads {name}, which is declared nowhere"
        report.doubt(f"secret {name}", text, f"add {name} to [readiness.secrets] running")


def examine_artifacts(folder: Path, public: Mapping[str, str], known: Mapping[str, str]) -> Report:
    """What was built from the source: files, and what archives hold."""
    report = Report()
    files = [folder] if folder.is_file() else sorted(file for file in folder.rglob("*") if file.is_file())
    for file in files:
        report.expected, report.examined = report.expected + 1, report.examined + 1
        for name, text in trees.opened(file):
            for hit in scan_for(text, known):
                if hit.fingerprint not in public:
                    subject = f"built {file.name} {name} {hit.rule} {hit.fingerprint}"
                    report.convict(subject, f"what was built holds {hit.named} in {name}")
    if not files:
        report.expected += 1
        report.doubt(str(folder), f"{folder} holds nothing that was built", "build it, then golive check secrets")
    return report


KEY = "AKIA" + "Q7XV2MZN4KLP3RTB"  # made up for the planted repositories, and split so that it is found only there


VALUE = "blue-heron-" + "walks"  # looks like no secret: it is found because the running product has it


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
    known = {"SESSION_SECRET": VALUE}
    planted = {
        "the value of a running secret": (True, [{"settings.py": f"WORD = '{VALUE}'"}]),
        "a key in the tree": (True, [dirty]),
        "a key in history alone": (True, [dirty, clean]),
        "secrets from the environment": (False, [clean, {"note.txt": json.dumps({"key": "env:APP_KEY"})}]),
    }
    found = []
    for name, (bad, contents) in planted.items():
        with tempfile.TemporaryDirectory(prefix="golive-planted-") as folder:
            _repository(Path(folder), contents)
            found.append(judged(name, bad, lambda: examine_repository(Path(folder), Past(), known)))
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
