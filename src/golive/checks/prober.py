"""The loop that probes: due → probe → decide → save → flip. One thread, many checks in flight."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any, Protocol

from golive.alerts.models import State
from golive.checks import timetable
from golive.checks.probe import Result, Target, probe
from golive.checks.verdict import Attempt, Verdict, decide
from golive.kit.clock import SYSTEM, Clock
from golive.kit.outbound import Policy

log = logging.getLogger("golive.checks")
MOST_IN_FLIGHT = 500
REFRESH_SECONDS = 2.0
BEAT_SECONDS = 15.0
FLUSH_SECONDS = 1.0
STALL_SECONDS = 0.25


class Keeper(Protocol):
    """Where definitions come from and results go; called from a thread, never from the loop."""

    def targets(self) -> dict[int, tuple[Target, State]] | None:
        """All checks with the state they are in; None when nothing changed since the last call."""

    def flip(self, target: Target, old: State, verdict: Verdict, at: datetime) -> State:
        """Save a transition and its flip in one transaction; the state that is in force afterwards."""

    def explain(self, target: Target, text: str) -> None:
        """Save why a check is still unknown."""

    def record(self, rows: Sequence[dict[str, Any]]) -> None: ...

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None: ...


@dataclass
class Watched:
    """A check in memory: its target, the state in force and its latest attempts."""

    target: Target
    state: State
    told: str = ""
    attempts: deque[Attempt] = field(default_factory=lambda: deque(maxlen=12))


class Prober:
    """Probes every check in its turn until asked to stop."""

    def __init__(self, keeper: Keeper, marker: str, policy: Policy, clock: Clock = SYSTEM) -> None:
        self.keeper = keeper
        self.marker = marker
        self.policy = policy
        self.clock = clock
        self.watched: dict[int, Watched] = {}
        self.due = timetable.Timetable()
        self.rows: list[dict[str, Any]] = []
        self.probed: set[int] = set()
        self.lags_ms: deque[float] = deque(maxlen=10_000)
        self.stalls: deque[tuple[float, float]] = deque(maxlen=100)
        self.in_flight: set[asyncio.Task[None]] = set()
        self.threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checks-save")

    def run(self, stop: Event) -> None:
        """Run in this thread until `stop` is set."""
        try:
            asyncio.run(self._run(stop))
        finally:
            self.threads.shutdown(wait=True)

    async def _run(self, stop: Event) -> None:
        loops = [self._refresh, self._beat, self._flush, self._watch_stalls, self._dispatch]
        tasks = [asyncio.create_task(self._guard(loop)) for loop in loops]
        while not stop.is_set():
            await asyncio.sleep(0.1)
        for task in (*tasks, *self.in_flight):
            task.cancel()
        await asyncio.gather(*tasks, *self.in_flight, return_exceptions=True)
        await self._save_rows()

    async def _guard(self, loop: Callable[[], Any]) -> None:
        """Keep one of the loops going: a failed turn (database locked, disk full) is logged and tried again."""
        while True:
            try:
                await loop()
            except Exception:
                log.exception("%s failed; trying again", loop.__name__)
            await asyncio.sleep(1)

    async def _refresh(self) -> None:
        first = True
        while True:
            found = await self._in_thread(self.keeper.targets)
            if found is not None:
                self.replace(found, spread=first)
            first = False
            await asyncio.sleep(REFRESH_SECONDS)

    def replace(self, found: dict[int, tuple[Target, State]], *, spread: bool) -> None:
        """Take over the definitions. At start turns are spread by phase; a check added later is probed at once."""
        now = self.clock.monotonic()
        for number in self.watched.keys() - found.keys():
            del self.watched[number]
            self.due.remove(number)
        for number, (target, state) in found.items():
            old = self.watched.get(number)
            if old is not None and old.target == target:
                continue
            if old is not None:
                state = old.state
            self.watched[number] = Watched(target, state)
            wait = timetable.first_due(number, target.every, self.clock.now().timestamp())
            self.due.put(number, now + (wait if spread else random.uniform(0, min(1.0, wait))))  # noqa: S311

    async def _dispatch(self) -> None:
        while True:
            now = self.clock.monotonic()
            if len(self.in_flight) < MOST_IN_FLIGHT:
                for number, due in self.due.take(now):
                    self.lags_ms.append((now - due) * 1000)
                    task = asyncio.create_task(self._turn(number, due))
                    self.in_flight.add(task)
                    task.add_done_callback(self.in_flight.discard)
            following = self.due.next_at()
            wait = 0.1 if following is None else min(max(following - self.clock.monotonic(), 0.002), 0.1)
            await asyncio.sleep(wait)

    async def _turn(self, number: int, due: float) -> None:
        """One probe and what follows from it; whatever happens, the check gets its next turn."""
        again = False
        try:
            watched = self.watched.get(number)
            if watched is not None:
                result = await probe(watched.target, self.marker, self.policy, clock=self.clock, stalls=self.stalls)
                again = await self.take(number, watched, result)
        except Exception:
            log.exception("the turn of check %s failed; trying again soon", number)
            again = True
        finally:
            if number in self.watched:
                every, now = self.watched[number].target.every, self.clock.monotonic()
                soon = now + timetable.retry_after(every).total_seconds()
                following = timetable.next_due(due, every, now)
                self.due.put(number, min(soon, following) if again else following)

    async def take(self, number: int, watched: Watched, result: Result) -> bool:
        """Take one result in: remember, decide, save a transition. True when it should be tried again soon."""
        self.rows.append(result.row())
        self.probed.add(number)
        watched.attempts.append(result.attempt)
        verdict = decide(watched.state, list(watched.attempts))
        if verdict.state != watched.state:
            watched.state = await self._in_thread(
                self.keeper.flip, watched.target, watched.state, verdict, self.clock.now()
            )
        elif verdict.state == State.UNKNOWN and verdict.text != watched.told:
            watched.told = verdict.text
            await self._in_thread(self.keeper.explain, watched.target, verdict.text)
        return verdict.check_again

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._save_rows()

    async def _save_rows(self) -> None:
        rows, self.rows = self.rows, []
        if rows:
            await asyncio.to_thread(self.keeper.record, rows)

    async def _beat(self) -> None:
        while True:
            numbers, self.probed = sorted(self.probed), set()
            lags = sorted(self.lags_ms)
            self.lags_ms.clear()
            details = {
                "checks": len(self.watched),
                "probes": len(lags),
                "in_flight": len(self.in_flight),
                "lag_p99_ms": round(lags[int(len(lags) * 0.99)], 1) if lags else None,
                "stalled_ms": round(sum(s for end, s in self.stalls if end > self.clock.monotonic() - 60) * 1000),
            }
            await self._in_thread(self.keeper.beat, self.clock.now(), numbers, details)
            await asyncio.sleep(BEAT_SECONDS)

    async def _watch_stalls(self) -> None:
        """Measure how long the loop itself stands still (a busy or suspended machine)."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(STALL_SECONDS)
            late = time.monotonic() - before - STALL_SECONDS
            if late > STALL_SECONDS:
                self.stalls.append((time.monotonic(), late))

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)
