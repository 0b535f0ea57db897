"""Asking a target: bounded in time, size and number, several at once, everything kept as redacted evidence."""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from golive.checks.probe import headers
from golive.kit import synthetic
from golive.kit.connections import Fault, Limits, OutboundError, Policy
from golive.kit.outbound import Answer, fetch
from golive.readiness.exchange import shown
from golive.readiness.verdict import CannotTell

PER_CALL = Limits(total=timedelta(seconds=15), body_bytes=1 << 19, redirects=0)
PATIENCE = timedelta(seconds=100)
_MOST_EXCHANGES = 120
_AT_ONCE = 6


@dataclass(frozen=True)
class Ask:
    """One request to be made; `path` is below the target's address unless it is one of its own."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass
class Site:
    """A target as an examination asks it. Raises CannotTell when time is up or golive itself cannot ask."""

    url: str
    policy: Policy | None = None
    hidden: Collection[str] = ()
    patience: timedelta = PATIENCE
    limits: Limits = PER_CALL
    exchanges: list[Mapping[str, Any]] = field(default_factory=list)
    asked: int = 0
    busy_seconds: float = 0.0
    _began: float = 0.0

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def ask(self, ask: Ask) -> Answer | None:
        """One answer; None when the target gives none."""
        return self.all([ask])[0]

    def get(self, path: str, **headers: str) -> Answer | None:
        return self.ask(Ask(path, headers={name.replace("_", "-"): value for name, value in headers.items()}))

    def all(self, asks: Collection[Ask], at_once: int = _AT_ONCE) -> list[Answer | None]:
        """The answers to all, in their order, several at once."""
        self._began = time.monotonic()
        try:
            return asyncio.run(self._all(list(asks), at_once))
        finally:
            self.busy_seconds += time.monotonic() - self._began

    async def _all(self, asks: list[Ask], at_once: int) -> list[Answer | None]:
        gate = asyncio.Semaphore(at_once)

        async def one(ask: Ask) -> Answer | None:
            async with gate:
                return await self._one(ask)

        return list(await asyncio.gather(*(one(ask) for ask in asks)))

    async def _one(self, ask: Ask) -> Answer | None:
        if self.busy_seconds + time.monotonic() - self._began > self.patience.total_seconds():
            raise CannotTell(self.url, f"the target was too slow: {self.asked} requests took {self.patience}")
        self.asked += 1
        sent = {**headers(synthetic.marker(), secrets.token_hex(18)), **ask.headers}
        url = ask.path if "://" in ask.path else self.url.rstrip("/") + ask.path
        answer: Answer | str
        try:
            answer = await fetch(
                url,
                method=ask.method,
                headers=sent,
                content=ask.content,
                limits=self.limits,
                policy=self.policy,
            )
        except OutboundError as error:
            if error.fault is not Fault.TARGET:
                raise CannotTell(url, f"golive cannot ask {url}: {error}", "golive doctor") from error
            answer = str(error)
        if len(self.exchanges) < _MOST_EXCHANGES:
            at = datetime.now(UTC)
            self.exchanges.append(shown(ask.method, url, ask.headers, ask.content, answer, at, self.hidden))
        return None if isinstance(answer, str) else answer


def until(holds: Callable[[], bool], patience: timedelta, every: float = 0.2) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + patience.total_seconds()
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
