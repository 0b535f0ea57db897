"""One HTTP exchange as receivers see it, and what a receiver is."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from golive.ingest.bodies import Intake, Receive
from golive.ingest.keep import Keeper
from golive.ingest.keys import Key, KeyRing
from golive.ingest.rate import Rate
from golive.ingest.replies import Refusal, Reply
from golive.telemetry.spool import SpoolError


@dataclass(frozen=True)
class Services:
    """What all exchanges share. `marker` begins the trace ids of golive's own probes (6 bytes)."""

    keys: KeyRing
    keeper: Keeper
    rate: Rate
    intake: Intake
    marker: bytes


class Exchange:
    """A request and the services to answer it with."""

    def __init__(self, scope: dict[str, Any], receive: Receive, services: Services) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: dict[str, str] = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._receive = receive
        self._services = services
        self.keys = services.keys
        self.marker = services.marker

    def header(self, name: str) -> str:
        return self._headers.get(name.encode(), b"").decode("latin-1")

    def throttle(self, key: Key) -> None:
        """Raises Refusal 429 when this key has sent too much."""
        if wait := self._services.rate.wait_seconds(key.digest, time.monotonic()):
            raise Refusal(429, f"This key sends more than its rate allows; wait {wait} s.", Retry_After=str(wait))

    def spent(self, key: Key, size: int) -> None:
        self._services.rate.spend(key.digest, size, time.monotonic())

    async def body(self, *, packed_limit: int, limit: int) -> bytes:
        """The unpacked body; see Intake.read for what it refuses."""
        return await self._services.intake.read(self._receive, self._headers, packed_limit=packed_limit, limit=limit)

    async def keep(self, stream: str, payload: bytes, identity: bytes, received_ms: int) -> None:
        """Return when the request is durable. Raises Refusal 503 when it cannot be."""
        try:
            await self._services.keeper.keep(stream, payload, identity, received_ms)
        except SpoolError as error:
            raise Refusal(503, f"{error} Nothing was kept; send it again.", Retry_After="5") from error


@dataclass(frozen=True)
class Receiver:
    """One wire format. `takes` tells by the path whether a request is its own."""

    name: str
    takes: Callable[[str], bool]
    receive: Callable[[Exchange], Awaitable[Reply]]
