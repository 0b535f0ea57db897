"""Answers for the public page's files, from memory: neither Django's machinery, database nor store is asked.

In front of the console for `/status/<project>/`, and at the root of a page's own domain.
"""

import base64
import gzip
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from golive.kit.folders import data_folder, kept_secret

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

STALE_SECONDS = 300
LOOK_SECONDS = 0.25  # a file on disk is looked at this often at the most
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".atom": "application/atom+xml; charset=utf-8",
    ".rss": "application/rss+xml; charset=utf-8",
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
STALE = '<p class="stale" role="alert">Not brought up to date since {at}: what follows may be wrong.</p>'
_NAME = re.compile(r"(?:[a-z0-9][a-z0-9_-]*/)*[a-z0-9][a-z0-9_.-]*")
_SLUG = re.compile(r"[a-z0-9_-]+")
_PREFIX = "/status/"
LOCK, DOMAINS = ".private", "domains.json"


@dataclass(frozen=True)
class Kept:
    """A file in memory."""

    body: bytes
    packed: bytes
    tag: str
    changed: float
    stamp: tuple[int, int]


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""


def root() -> Path:
    return data_folder() / "status"


def lock_digest(slug: str, password: str) -> str:
    """What is kept of a private page's password, so that it can be checked without the database."""
    return hmac.new(bytes.fromhex(kept_secret("status")), f"{slug}\0{password}".encode(), sha256).hexdigest()


class Shelf:
    """The files of all pages, each read again when it has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[Path, tuple[float, Kept | None]] = {}

    def find(self, slug: str, name: str) -> Kept | None:
        """A file of a page; None when there is none, or for a name that leads elsewhere."""
        if not _SLUG.fullmatch(slug) or not (name == LOCK or _NAME.fullmatch(name)):
            return None
        return self._read(self.folder / slug / name)

    def domains(self) -> Mapping[str, str]:
        """Which page stands at which domain."""
        kept = self._read(self.folder / DOMAINS)
        found: dict[str, str] = orjson.loads(kept.body) if kept else {}
        return found

    def _read(self, path: Path) -> Kept | None:
        now = time.monotonic()
        looked, kept = self._kept.get(path, (float("-inf"), None))
        if now - looked < LOOK_SECONDS:
            return kept
        try:
            about = path.stat()
            stamp = (about.st_mtime_ns, about.st_size)
            if kept is None or kept.stamp != stamp:
                body = path.read_bytes()
                kept = Kept(body, gzip.compress(body, 6, mtime=0), sha256(body).hexdigest()[:16], about.st_mtime, stamp)
        except (OSError, ValueError):
            self._kept.pop(path, None)
            return None
        if len(self._kept) > 5000:
            self._kept.clear()
        self._kept[path] = (now, kept)
        return kept


def reply(shelf: Shelf, slug: str, name: str, headers: Mapping[str, str], now: float) -> Reply | None:
    """The answer to a request for a file of a page; None when there is no such file."""
    name = name or "index.html"
    kept, suffix = shelf.find(slug, name), Path(name).suffix
    if kept is None or suffix not in TYPES:
        return None
    if (lock := shelf.find(slug, LOCK)) and not _opens(slug, headers.get("authorization", ""), lock.body.decode()):
        asks = [("www-authenticate", 'Basic realm="status page", charset="UTF-8"'), ("cache-control", "no-store")]
        return Reply(401, [*asks, ("content-type", "text/plain")], b"This status page is private.\n")
    shown = [
        ("etag", f'"{kept.tag}"'),
        ("last-modified", formatdate(kept.changed, usegmt=True)),
        ("cache-control", "private, max-age=5" if lock else "public, max-age=5"),
        ("access-control-allow-origin", "*"),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("vary", "accept-encoding"),
    ]
    stale = suffix == ".html" and now - kept.changed > STALE_SECONDS
    if not stale and _unchanged(kept, headers):
        return Reply(304, shown)
    shown.append(("content-type", TYPES[suffix]))
    if stale:
        note = STALE.format(at=formatdate(kept.changed, usegmt=True)).encode()
        return Reply(200, shown, kept.body.replace(b"<!--stale-->", note))
    if "gzip" in headers.get("accept-encoding", ""):
        return Reply(200, [*shown, ("content-encoding", "gzip")], kept.packed)
    return Reply(200, shown, kept.body)


def _unchanged(kept: Kept, headers: Mapping[str, str]) -> bool:
    if tags := headers.get("if-none-match"):
        return f'"{kept.tag}"' in tags
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
        return int(kept.changed) <= since.timestamp()
    except (ValueError, TypeError):
        return False


def _opens(slug: str, authorization: str, digest: str) -> bool:
    kind, _, given = authorization.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        _, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except ValueError:
        return False
    return hmac.compare_digest(lock_digest(slug, password), digest)


class StatusFiles:
    """ASGI middleware that answers for the public pages and passes the rest on."""

    def __init__(self, app: App, public_url: str, shelf: Shelf | None = None) -> None:
        self.app, self.public_url = app, public_url
        self.shelf = shelf or Shelf(root())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        path: str = scope["path"]
        slug = self.shelf.domains().get(headers.get("host", "").rpartition(":")[0] or headers.get("host", ""))
        if slug is None:
            if not path.startswith(_PREFIX):
                return await self.app(scope, receive, send)
            slug, slash, name = path.removeprefix(_PREFIX).partition("/")
            found = self._reply(slug, name, headers) if slash and scope["method"] in ("GET", "HEAD") else None
            if found is None:
                return await self.app(scope, receive, send)
        else:
            found = self._reply(slug, path.lstrip("/"), headers) or self._elsewhere(slug, path)
        return await _send(found, scope["method"], send)

    def _reply(self, slug: str, name: str, headers: Mapping[str, str]) -> Reply | None:
        return reply(self.shelf, slug, name, headers, time.time())

    def _elsewhere(self, slug: str, path: str) -> Reply:
        """On a page's own domain there are its files; what acts is on the console's address."""
        if path.startswith("/subscribe"):
            return Reply(302, [("location", f"{self.public_url}{_PREFIX}{slug}/subscribe/")])
        return Reply(404, [("content-type", "text/plain")], b"There is nothing here.\n")


async def _send(answer: Reply, method: str, send: Send) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
    if answer.status != 304:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
