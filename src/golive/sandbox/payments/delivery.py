"""Webhook delivery: signed, retried with back-off, and on request doubled, delayed, reordered or dropped."""

import asyncio
import contextlib
import heapq
import itertools
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import httpx
import orjson

from golive.sandbox.payments.books import Object
from golive.sandbox.payments.signature import HEADER, sign

RETRY_DELAYS_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
_TIMEOUT_SECONDS = 10.0
_LOG_KEPT = 5000


class Mischief(StrEnum):
    """What is done to the next events instead of plain delivery."""

    DUPLICATE = "duplicate"
    DELAY = "delay"
    REORDER = "reorder"
    DROP = "drop"


@dataclass
class Order:
    """Do `mischief` to the next `count` events (of these types; none means all)."""

    mischief: Mischief
    count: int = 1
    seconds: float = 5.0
    types: Sequence[str] = ()
    held: list[Object] = field(default_factory=list)

    def concerns(self, event: Object) -> bool:
        return self.count > 0 and (not self.types or event["type"] in self.types)


@dataclass(frozen=True)
class Attempt:
    """One POST to the endpoint: `status` 0 means that no answer came."""

    event: str
    type: str
    number: int
    at: float
    status: int
    detail: str = ""


def release(order: Order, event: Object) -> list[tuple[float, Object]]:
    """What to send after an order was applied to an event: pairs of (delay in seconds, event)."""
    order.count -= 1
    match order.mischief:
        case Mischief.DROP:
            return []
        case Mischief.DUPLICATE:
            return [(0.0, event), (0.0, event)]
        case Mischief.DELAY:
            return [(order.seconds, event)]
        case Mischief.REORDER:
            order.held.append(event)
            return [] if order.count else [(index * 0.2, held) for index, held in enumerate(reversed(order.held))]


class Courier:
    """Delivers events to one endpoint, one at a time in order of their due time."""

    def __init__(self, url: str, secret: str, socket: str = "") -> None:
        self.url = url
        self.secret = secret
        self.socket = socket  # of the endpoint's own process, where no name leads to it
        self.order: Order | None = None
        self.log: deque[Attempt] = deque(maxlen=_LOG_KEPT)
        self._queue: list[tuple[float, int, int, Object]] = []
        self._sequence = itertools.count()
        self._wake = asyncio.Event()

    def send(self, event: Object, *, delay: float = 0.0, attempt: int = 1) -> None:
        """Queue a delivery as it is."""
        heapq.heappush(self._queue, (time.monotonic() + delay, next(self._sequence), attempt, event))
        self._wake.set()

    def hand_over(self, event: Object) -> None:
        """Queue an event, through the order in force if it concerns it."""
        if self.order is None or not self.order.concerns(event):
            self.send(event)
            return
        for delay, released in release(self.order, event):
            self.send(released, delay=delay)

    @property
    def waiting(self) -> int:
        """Deliveries that are still to be made."""
        return len(self._queue)

    def attempts(self) -> list[dict[str, Any]]:
        """All attempts kept, oldest first."""
        return [asdict(attempt) for attempt in self.log]

    def forget(self) -> None:
        """Drop what waits, the order and the log."""
        self._queue.clear()
        self.log.clear()
        self.order = None

    async def run(self) -> None:
        """Deliver until cancelled."""
        transport = httpx.AsyncHTTPTransport(uds=self.socket) if self.socket else None
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, transport=transport) as client:
            while True:
                self._wake.clear()
                wait = self._queue[0][0] - time.monotonic() if self._queue else None
                if wait is None or wait > 0:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), wait)
                    continue
                _, _, attempt, event = heapq.heappop(self._queue)
                await self._deliver(client, event, attempt)

    async def _deliver(self, client: httpx.AsyncClient, event: Object, attempt: int) -> None:
        if not self.url:
            return
        status, detail = await self._post(client, orjson.dumps(event))
        self.log.append(Attempt(event["id"], event["type"], attempt, time.time(), status, detail))
        if 200 <= status < 300:
            event["pending_webhooks"] = 0
        elif attempt <= len(RETRY_DELAYS_SECONDS):
            self.send(event, delay=RETRY_DELAYS_SECONDS[attempt - 1], attempt=attempt + 1)

    async def _post(self, client: httpx.AsyncClient, body: bytes) -> tuple[int, str]:
        headers = {"Content-Type": "application/json", HEADER: sign(body, self.secret, int(time.time()))}
        try:
            answer = await client.post(self.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return 0, f"{type(error).__name__}: {error}"
        return answer.status_code, "" if answer.is_success else answer.text[:200]
