"""The ASGI application of the ingest process: finds the receiver of a path and sends its answer."""

import asyncio
import importlib
import logging
import os
import pkgutil
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from golive.ingest import receivers
from golive.ingest.bodies import Intake, Receive
from golive.ingest.exchange import Exchange, Receiver, Services
from golive.ingest.keep import Keeper
from golive.ingest.keys import KeyRing
from golive.ingest.rate import DEFAULT_MEGABYTES_PER_SECOND, MEGABYTE, Rate
from golive.ingest.replies import JSON, Refusal, Reply, status_reply
from golive.kit import synthetic
from golive.kit.folders import data_folder

log = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]

_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"x-sentry-error, x-sentry-rate-limits, retry-after"),
]
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": (
        "authorization, content-type, content-encoding, x-sentry-auth, x-requested-with, origin, accept, "
        "traceparent, tracestate, baggage, sentry-trace"
    ),
    "Access-Control-Max-Age": "86400",
}
OWNER_PATIENCE_SECONDS = 20


class App:
    """Bare ASGI. The services start with the lifespan and stop with it."""

    def __init__(self) -> None:
        self._receivers = find_receivers()
        self._services: Services | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await _send(send, await self._answer(scope, receive), head=scope["method"] == "HEAD")

    async def _answer(self, scope: dict[str, Any], receive: Receive) -> Reply:
        path: str = scope["path"]
        try:
            assert self._services  # noqa: S101 - the server opens its port after the lifespan has begun
            if path == "/healthz":
                return Reply(200, orjson.dumps({"status": "ok", "spool_bytes": self._services.keeper.waiting_bytes()}))
            for receiver in self._receivers:
                if receiver.takes(path):
                    if scope["method"] == "OPTIONS":
                        return Reply(204, headers=_PREFLIGHT)
                    return await receiver.receive(Exchange(scope, receive, self._services))
            raise Refusal(404, f"Nothing is received at {path[:100]}; OTLP goes to /v1/logs, /v1/traces, /v1/metrics.")
        except Refusal as refusal:
            return status_reply(refusal, JSON)
        except Exception:
            log.exception("a request to %s failed", path[:100])
            return status_reply(Refusal(503, "Something failed here; send it again.", Retry_After="5"), JSON)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    self._services = await _services()
                except Exception as error:
                    log.exception("ingest cannot start")
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._services:
                    await asyncio.to_thread(self._services.keeper.close)
                await send({"type": "lifespan.shutdown.complete"})
                return


def find_receivers() -> list[Receiver]:
    """Every module in `receivers/` declares a RECEIVER."""
    names = sorted(module.name for module in pkgutil.iter_modules(receivers.__path__))
    return [importlib.import_module(f"{receivers.__name__}.{name}").RECEIVER for name in names]


async def _services() -> Services:
    folder = data_folder()
    rate = float(os.environ.get("GOLIVE_INGEST_RATE") or DEFAULT_MEGABYTES_PER_SECOND)
    return Services(
        keys=KeyRing(folder / "run" / "ingest-keys.json"),
        keeper=await _keeper(),
        rate=Rate(rate * MEGABYTE),
        intake=Intake(),
        marker=bytes.fromhex(synthetic.marker()),
    )


async def _keeper() -> Keeper:
    """The spool, once the process that owned it before has gone."""
    for _ in range(OWNER_PATIENCE_SECONDS * 10):
        try:
            return Keeper(data_folder() / "spool")
        except BlockingIOError:
            await asyncio.sleep(0.1)
    raise RuntimeError(f"another ingest process owns {data_folder() / 'spool' / 'ingest'}; stop it first")


async def _send(send: Send, reply: Reply, *, head: bool) -> None:
    headers = [(b"content-length", str(len(reply.body)).encode())] if reply.status != 204 else []
    if reply.body:
        headers.append((b"content-type", reply.content_type.encode()))
    headers += [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers + _CORS})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})
