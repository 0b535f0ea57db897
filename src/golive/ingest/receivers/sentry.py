"""Sentry's clients: POST /api/<project>/envelope/ and /api/<project>/store/."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from golive.ingest.exchange import Exchange, Receiver
from golive.ingest.keep import framed, identity_of
from golive.ingest.keys import Key
from golive.ingest.otlp_check import check_logs, check_traces
from golive.ingest.replies import JSON, Refusal, Reply
from golive.ingest.scrub import scrub
from golive.ingest.sentry_envelope import EnvelopeError, Item, parse
from golive.ingest.sentry_errors import error_row, event_id_of
from golive.ingest.sentry_otlp import log_records, transaction_spans

log = logging.getLogger(__name__)

PACKED_LIMIT_BYTES = 20 << 20
LIMIT_BYTES = 100 << 20
EVENT_LIMIT_BYTES = 1 << 20
_PATH = re.compile(r"/api/(\d{1,18})/(envelope|store)/?")
_AUTH = re.compile(r"(\w+)\s*=\s*\"?([^,\s\"]+)")


async def receive(exchange: Exchange) -> Reply:
    """Receive, scrub, spool, acknowledge with `{"id": …}`."""
    try:
        found = _PATH.fullmatch(exchange.path)
        if not found:
            raise Refusal(404, f"Nothing is received at {exchange.path[:100]}.")
        if exchange.method != "POST":
            raise Refusal(405, f"{exchange.path} takes POST.", Allow="POST, OPTIONS")
        project_id, endpoint = int(found[1]), found[2]
        key = _key(exchange, _key_in_request(exchange), project_id) if _key_in_request(exchange) else None
        if key is None and endpoint == "store":
            raise _unauthorised()
        if key:
            exchange.throttle(key)
        body = await exchange.body(packed_limit=PACKED_LIMIT_BYTES, limit=LIMIT_BYTES)
        handle = _store if endpoint == "store" else _envelope
        return await handle(exchange, key, project_id, body)
    except Refusal as refusal:
        return _refused(refusal)


async def _store(exchange: Exchange, key: Key | None, project_id: int, body: bytes) -> Reply:
    if key is None:
        raise _unauthorised()
    exchange.spent(key, len(body))
    work = _Work(exchange, key)
    item = Item({"type": "event"}, body)
    identifier = event_id_of(_event(item))
    if handled := work.handle(item, identifier):
        await handled
    return Reply(200, orjson.dumps({"id": identifier}), JSON)


async def _envelope(exchange: Exchange, key: Key | None, project_id: int, body: bytes) -> Reply:
    try:
        envelope = parse(body)
    except EnvelopeError as error:
        raise Refusal(400, f"The body is not a Sentry envelope: {error}.") from error
    if key is None:
        key = _key(exchange, urlsplit(str(envelope.headers.get("dsn") or "")).username or "", project_id)
        exchange.throttle(key)
    exchange.spent(key, len(body))
    work = _Work(exchange, key)
    identifier = str(envelope.headers.get("event_id") or "").replace("-", "")
    waiting: list[Coroutine[Any, Any, None]] = []
    complaints = [envelope.torn] if envelope.torn else []
    for item in envelope.items:
        try:
            if handled := work.handle(item, identifier):
                waiting.append(handled)
        except Refusal as refusal:  # one bad item does not spoil the others
            complaints.append(refusal.message)
    if complaints and not waiting:
        raise Refusal(413 if "larger" in complaints[0] else 400, f"Nothing was kept: {complaints[0]}")
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
    headers = {"X-Sentry-Error": _header(complaints[0])} if complaints else {}
    return Reply(200, orjson.dumps({"id": identifier} if identifier else {}), JSON, headers)


class _Work:
    """Keeps the items of one request. Types that we do not know are skipped."""

    def __init__(self, exchange: Exchange, key: Key) -> None:
        self.exchange = exchange
        self.key = key
        self.now_ns = time.time_ns()
        self.received_ms = self.now_ns // 1_000_000

    def handle(self, item: Item, event_id: str) -> Coroutine[Any, Any, None] | None:
        """What to await for this item, or None when it is skipped. Raises Refusal when it cannot be read."""
        handlers: Mapping[str, Callable[[Item, str], Coroutine[Any, Any, None]]] = {
            "event": self._on_event,
            "transaction": self._on_transaction,
            "log": self._on_logs,
        }
        if (handler := handlers.get(item.type)) is None:
            return None
        try:
            return handler(item, event_id)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            log.warning("a %s of an unexpected shape was refused: %s", item.type, error)
            raise Refusal(400, f"the {item.type} has an unexpected shape: {error}") from error

    def _on_event(self, item: Item, event_id: str) -> Coroutine[Any, Any, None]:
        event = _event(item)
        event["event_id"] = event_id_of(event, event_id)
        if event.get("type") == "transaction":
            return self._on_transaction(item, event_id)
        return self.keep_event(event, item.payload)

    def keep_event(self, event: dict[str, Any], payload: bytes) -> Coroutine[Any, Any, None]:
        received_at = datetime.fromtimestamp(self.received_ms / 1000, UTC)
        row = error_row(scrub(event), self.key.project, received_at, self.exchange.marker.hex())
        line = orjson.dumps(row, option=orjson.OPT_UTC_Z) + b"\n"
        return self._keep("errors", line, payload)

    def _on_transaction(self, item: Item, event_id: str) -> Coroutine[Any, Any, None]:
        request = transaction_spans(scrub(_event(item)), self.key.project)
        check_traces(request, self.now_ns)
        return self._keep("traces", self._framed(request), item.payload)

    def _on_logs(self, item: Item, event_id: str) -> Coroutine[Any, Any, None]:
        items = _event(item).get("items")
        request = log_records(scrub(items) if isinstance(items, list) else [], self.key.project)
        check_logs(request, self.now_ns)
        return self._keep("logs", self._framed(request), item.payload)

    def _framed(self, request: Any) -> bytes:
        body: bytes = request.SerializePartialToString()
        return framed(body, self.key.project, self.received_ms, self.exchange.marker)

    async def _keep(self, stream: str, payload: bytes, named_by: bytes) -> None:
        identity = identity_of(self.key.digest, stream, named_by)
        await self.exchange.keep(stream, payload, identity, self.received_ms)


def _event(item: Item) -> dict[str, Any]:
    if len(item.payload) > EVENT_LIMIT_BYTES:
        raise Refusal(413, f"the {item.type} is larger than 1 MiB")
    try:
        event = orjson.loads(item.payload)
    except ValueError as error:
        raise Refusal(400, f"the {item.type} is not JSON: {error}") from error
    if not isinstance(event, dict):
        raise Refusal(400, f"the {item.type} is not a JSON object")
    return event


def _key_in_request(exchange: Exchange) -> str:
    """The public key of the DSN, from the header or the query string; empty when neither has it."""
    for name in ("x-sentry-auth", "authorization"):
        header = exchange.header(name)
        if header.lower().startswith("sentry "):
            return str(dict(_AUTH.findall(header)).get("sentry_key", ""))
    return exchange.query.get("sentry_key", "")


def _key(exchange: Exchange, secret: str, project_id: int) -> Key:
    key = exchange.keys.find(secret) if secret else None
    if key is None or key.kind != "dsn":
        raise _unauthorised()
    if key.project_id != project_id:
        raise Refusal(403, f"This DSN does not belong to project {project_id}.")
    return key


def _unauthorised() -> Refusal:
    return Refusal(401, "The DSN's key is missing or not known; the console shows the valid DSN under Settings.")


def _refused(refusal: Refusal) -> Reply:
    headers = {**refusal.headers, "X-Sentry-Error": _header(refusal.message)}
    if refusal.status == 429:
        headers["X-Sentry-Rate-Limits"] = f"{refusal.headers['Retry-After']}::key"
    return Reply(refusal.status, orjson.dumps({"detail": refusal.message}), JSON, headers)


def _header(message: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", message)[:200]


RECEIVER = Receiver(name="sentry", takes=lambda path: path.startswith("/api/"), receive=receive)
