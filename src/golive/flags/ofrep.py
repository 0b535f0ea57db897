"""OpenFeature's Remote Evaluation Protocol 0.3 as bare ASGI, in front of the console.

https://github.com/open-feature/protocol. One flag or all of them, with ETag; changes as server-sent events at an
address that holds a ticket of its own, since an EventSource cannot send headers.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import orjson

from golive.alerts.inbound.rate import Rate
from golive.flags.evaluation import Flag, TargetingKeyMissing, evaluate
from golive.flags.published import Place, Published

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX = "/ofrep/v1/"
FLAGS = "/ofrep/v1/evaluate/flags"
EVENTS = "/ofrep/v1/events"
LARGEST_BODY = 64 * 1024
PER_SECOND, BURST = 500.0, 2000.0
TICKET_SECONDS = 24 * 3600
MOST_STREAMS = 1000
LOOK_SECONDS = 0.5
PING_SECONDS = 15
INACTIVITY_SECONDS = 120
_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"etag, retry-after"),
]
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, x-api-key, content-type, if-none-match"),
    (b"access-control-max-age", b"86400"),
]


class Refused(Exception):
    """A request that is answered with an error: status, OpenFeature's error code, and words."""

    def __init__(self, status: int, code: str, details: str, wait_seconds: int = 0) -> None:
        super().__init__(details)
        self.status, self.code, self.details, self.wait_seconds = status, code, details, wait_seconds


class Ofrep:
    """ASGI middleware that answers below /ofrep/ and passes the rest on. `ticket_key` signs stream addresses."""

    def __init__(self, app: App, published: Published, ticket_key: str, public_url: str) -> None:
        self.app, self.published, self.public_url = app, published, public_url
        self._ticket_key = ticket_key.encode()
        self._rate = Rate(PER_SECOND, BURST)
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/ofrep/"):
            await self.app(scope, receive, send)
            return
        key = scope["path"].removeprefix(FLAGS).strip("/") if scope["path"].startswith(FLAGS + "/") else ""
        try:
            if scope["method"] == "OPTIONS":
                await _reply(send, 204, b"", _PREFLIGHT)
            elif scope["path"] == EVENTS and scope["method"] == "GET":
                await self._stream(scope, receive, send)
            elif scope["path"].rstrip("/") == FLAGS or key:
                if scope["method"] != "POST":
                    raise Refused(405, "GENERAL", "Evaluation is a POST.")
                place = self._place(scope)
                context = await _context(receive)
                answer = self._one(place, key, context) if key else self._all(scope, place, context)
                await _reply(send, *answer)
            else:
                raise Refused(404, "GENERAL", f"Flags are evaluated by POST at {FLAGS} or {FLAGS}/KEY.")
        except Refused as refused:
            body: dict[str, Any] = {"errorCode": refused.code, "errorDetails": refused.details}
            headers = [(b"retry-after", str(refused.wait_seconds).encode())] if refused.wait_seconds else []
            await _reply(send, refused.status, orjson.dumps({"key": key, **body} if key else body), headers)

    def _place(self, scope: Scope) -> Place:
        headers = dict(scope["headers"])
        scheme, _, bearer = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        secret = bearer.strip() if scheme.lower() == "bearer" else headers.get(b"x-api-key", b"").decode("latin-1")
        place = self.published.find(secret) if secret else None
        if place is None:
            raise Refused(401, "GENERAL", "This needs an evaluation key in force: golive flag key add NAME.")
        number = int(place.digest[:12], 16)
        if wait := self._rate.wait_seconds(number, time.monotonic()):
            raise Refused(429, "GENERAL", f"More than {PER_SECOND:.0f} requests per second; wait {wait} s.", wait)
        return place

    def _one(self, place: Place, key: str, context: Mapping[str, Any]) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        flag = self.published.snapshot().of(place).get(key)
        if flag is None:
            raise Refused(404, "FLAG_NOT_FOUND", f"There is no flag {key[:100]!r} in {place.project}.")
        told = _told(flag, context, datetime.now(UTC))
        return (400 if "errorCode" in told else 200), orjson.dumps(told), []

    def _all(
        self, scope: Scope, place: Place, context: Mapping[str, Any]
    ) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        now = datetime.now(UTC)
        snapshot = self.published.snapshot()
        flags = [_told(flag, context, now) for flag in snapshot.of(place).values()]
        tag = f'"{hashlib.blake2b(orjson.dumps(flags), digest_size=12).hexdigest()}"'
        headers = [(b"etag", tag.encode()), (b"cache-control", b"no-cache, private")]
        asked = dict(scope["headers"]).get(b"if-none-match", b"").decode("latin-1")
        if tag in [one.strip().removeprefix("W/") for one in asked.split(",")]:
            return 304, b"", headers
        stream = {
            "type": "sse",
            "url": f"{self.public_url}{EVENTS}?ticket={self.ticket(place, time.time())}",
            "inactivityDelaySec": INACTIVITY_SECONDS,
        }
        metadata = {"environment": place.environment, "version": snapshot.digest(place, now)}
        return 200, orjson.dumps({"flags": flags, "metadata": metadata, "eventStreams": [stream]}), headers

    def ticket(self, place: Place, now: float) -> str:
        """Lets its bearer listen for changes of one place; the key itself never stands in an address."""
        said = f"{place.digest}.{int(now) + TICKET_SECONDS}"
        return f"{said}.{hmac.new(self._ticket_key, said.encode(), 'sha256').hexdigest()}"

    def _listener(self, scope: Scope) -> Place:
        ticket = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("ticket", [""])[0]
        said, _, signature = ticket.rpartition(".")
        digest, _, until = said.partition(".")
        good = hmac.new(self._ticket_key, said.encode(), "sha256").hexdigest()
        place = self.published.snapshot().keys.get(digest)
        if not hmac.compare_digest(signature.encode(), good.encode()) or not until.isdigit() or place is None:
            raise Refused(401, "GENERAL", "The ticket is not valid; ask for all flags again to get one.")
        if time.time() > int(until):
            raise Refused(401, "GENERAL", "The ticket has expired; ask for all flags again to get one.")
        return place

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = self._listener(scope)
        if self._streams >= MOST_STREAMS:
            raise Refused(503, "GENERAL", f"{MOST_STREAMS} listen already; poll instead.", 60)
        self._streams += 1
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await _begin(send, 200, [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")])
            last = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin-1")
            seen = last or self._digest(place)
            await _more(send, b"retry: 2000\n: listening\n\n")
            pinged = time.monotonic()
            while not gone.done() and place.digest in self.published.snapshot().keys:
                if (digest := self._digest(place)) != seen:
                    seen = digest
                    said = {
                        "type": "refetchEvaluation",
                        "etag": f'"{digest}"',
                        "lastModified": int(self.published.snapshot().stamp),
                    }
                    await _more(send, f"id: {digest}\nevent: message\ndata: ".encode() + orjson.dumps(said) + b"\n\n")
                if time.monotonic() - pinged > PING_SECONDS:
                    pinged = time.monotonic()
                    await _more(send, b": still here\n\n")
                await asyncio.wait([gone], timeout=LOOK_SECONDS)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._streams -= 1
            gone.cancel()

    def _digest(self, place: Place) -> str:
        return self.published.snapshot().digest(place, datetime.now(UTC))


def _told(flag: Flag, context: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """One flag's evaluation in the protocol's words."""
    try:
        found = evaluate(flag, context, now)
    except TargetingKeyMissing as error:
        return {"key": flag.key, "errorCode": "TARGETING_KEY_MISSING", "errorDetails": str(error)}
    return {
        "key": flag.key,
        "reason": found.reason,
        "variant": found.variant,
        "value": found.value,
        "metadata": {"version": flag.version, "why": found.why},
    }


async def _context(receive: Receive) -> Mapping[str, Any]:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "PARSE_ERROR", "The body is incomplete.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise Refused(413, "INVALID_CONTEXT", f"The body is larger than {LARGEST_BODY // 1024} KiB.")
    try:
        told = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        raise Refused(400, "PARSE_ERROR", f"The body is not JSON: {error}") from None
    context = told.get("context") if isinstance(told, dict) else told
    if context is None:
        return {}
    if not isinstance(context, dict):
        raise Refused(400, "INVALID_CONTEXT", "context must be an object.")
    return context


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _begin(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *_CORS]})


async def _more(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _reply(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    about = [] if status in (204, 304) else [(b"content-length", str(len(body)).encode())]
    if body:
        about.append((b"content-type", b"application/json"))
    await _begin(send, status, [*about, *headers])
    await send({"type": "http.response.body", "body": body})
