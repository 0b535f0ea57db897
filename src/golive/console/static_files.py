"""Serves the static files of all rooms from memory, compressed once, in front of Django.

WhiteNoise is made for WSGI: under ASGI Django warns of every file it streams, and it does not compress. These are
few small files; their addresses change with their content (storage.py), so browsers keep them for a year.
"""

import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path
from threading import Lock
from typing import Any

import brotli
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousOperation

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_TYPES = {".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
_COMPRESSED = {"text/css", "text/javascript", "image/svg+xml", "application/json", "text/plain"}
_SMALLEST = 512  # bytes; below it compression saves nothing


@dataclass(frozen=True)
class File:
    """A file ready to send: its bytes by content encoding ("" is as it is)."""

    bodies: dict[str, bytes]
    kind: str
    tag: str
    changed: str
    stamp: tuple[int, int]


def encoding(accepted: str, offered: dict[str, bytes]) -> str:
    """The best encoding that the client accepts: br, gzip or none."""
    known = {
        part.split(";")[0].strip() for part in accepted.split(",") if "q=0" not in part.replace(" ", "").split(";")
    }
    return next((name for name in ("br", "gzip") if name in known and name in offered), "")


def load(path: Path) -> File:
    """Read and compress a file."""
    about, raw = path.stat(), path.read_bytes()
    kind = _TYPES.get(path.suffix) or guess_type(path.name)[0] or "application/octet-stream"
    bodies = {"": raw}
    if kind in _COMPRESSED and len(raw) > _SMALLEST:
        bodies["br"] = brotli.compress(raw, quality=9)
        bodies["gzip"] = gzip.compress(raw, 9, mtime=0)
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    return File(bodies, kind, sha256(raw).hexdigest()[:16], formatdate(about.st_mtime, usegmt=True), stamp(path))


def stamp(path: Path) -> tuple[int, int]:
    """What changes when the file does."""
    about = path.stat()
    return about.st_mtime_ns, about.st_size


class StaticFiles:
    """ASGI middleware that answers everything below `prefix` and passes the rest on."""

    def __init__(self, app: App, prefix: str = "/static/") -> None:
        self.app, self.prefix = app, prefix
        self.files: dict[str, File] = {}
        self.lock = Lock()

    def find(self, name: str) -> File | None:
        """The file behind an address, from memory unless it changed on disk."""
        try:
            place = finders.find(name) if name and "\0" not in name else None
        except SuspiciousOperation:  # an address that climbs out of the folder
            return None
        path = Path(str(place)) if place else None
        if path is None or not path.is_file():
            return None
        with self.lock:
            kept = self.files.get(name)
            if kept is None or kept.stamp != stamp(path):
                kept = self.files[name] = load(path)
            return kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self.prefix):
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        file = self.find(scope["path"][len(self.prefix) :])
        if file is None or scope["method"] not in ("GET", "HEAD"):
            status = 404 if file is None else 405
            await _answer(send, status, [(b"content-type", b"text/plain"), (b"content-length", b"0")], b"")
            return
        chosen = encoding(headers.get(b"accept-encoding", ""), file.bodies)
        tag = f'"{file.tag}{chosen}"'
        aged = b"v=" in scope.get("query_string", b"")
        out = [
            (b"content-type", file.kind.encode()),
            (b"etag", tag.encode()),
            (b"last-modified", file.changed.encode()),
            (b"vary", b"Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"public, max-age=31536000, immutable" if aged else b"public, max-age=3600"),
        ]
        if headers.get(b"if-none-match") == tag:
            await _answer(send, 304, out, b"")
            return
        body = file.bodies[chosen]
        if chosen:
            out.append((b"content-encoding", chosen.encode()))
        out.append((b"content-length", str(len(body)).encode()))
        await _answer(send, 200, out, b"" if scope["method"] == "HEAD" else body)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
