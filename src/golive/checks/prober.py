"""The loop that probes: due → probe → decide → save → flip. One thread, many checks in flight.

The pager's prober judges what it and all remote probes see; a remote probe's only looks and reports.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Event
from typing import Any, Protocol

from golive.alerts.models import State
from golive.checks import timetable
from golive.checks.judging import Judge, Regions, Watched
from golive.checks.probe import REGION, Result, Target, probe
from golive.checks.verdict import Attempt, Outcome, Position, Verdict
from golive.checks.windows import Window
from golive.kit.clock import SYSTEM, Clock
from golive.kit.connections import Policy

log = logging.getLogger("golive.checks")
MOST_IN_FLIGHT = 500
REFRESH_SECONDS = 2.0
BEAT_SECONDS = 15.0
FLUSH_SECONDS = 1.0
STALL_SECONDS = 0.25
HEAR_SECONDS = 0.5


class Keeper(Protocol):
    """Where definitions come from and results go; called from a thread, never from the loop."""

    def targets(self) -> dict[int, tuple[Target, Position]] | None:
        """All checks with the position in force; None when nothing changed since the last call."""

    def record(self, results: Sequence[Result]) -> None: ...

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None: ...

    def asked(self) -> Sequence[int]:
        """Checks that somebody else wants to be looked at now."""


class Court(Protocol):
    """What a prober that judges needs besides."""

    def flip(self, target: Target, old: Position, verdict: Verdict, at: datetime) -> Position:
        """Save a transition and its flip in one transaction; the position that is in force afterwards."""

    def explain(self, target: Target, text: str) -> None:
        """Save why a check is still unknown."""

    def arrivals(self) -> Sequence[tuple[int, Attempt]]:
        """What remote probes saw since the last call, by check."""

    def regions(self, now: datetime) -> Regions:
        """The regions that look, and which of them are out."""

    def windows(self) -> dict[str, list[Window]]:
        """Maintenance windows by project."""

    def ask_elsewhere(self, numbers: Sequence[int], at: datetime) -> None:
        """Ask every other region to look at these checks at once."""

    def faults(self, found: dict[str, str], at: datetime) -> None:
        """Which regions have trouble of their own."""


class Prober:
    """Probes every check in its turn until asked to stop."""

    def __init__(
        self,
        keeper: Keeper,
        marker: str,
        policy: Policy,
        clock: Clock = SYSTEM,
        *,
        court: Court | None = None,
        region: str = REGION,
    ) -> None:
        self.keeper = keeper
        self.court = court
        self.region = region
        self.judge = Judge()
        self.marker = marker
        self.policy = policy
        self.clock = clock
        self.due = timetable.Timetable()
        self.turns: dict[int, float] = {}  # each check's own next turn, whatever looks come in between
        self.results: list[Result] = []
        self.probed: set[int] = set()
        self.doubted: set[int] = set()
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
        loops = [self._refresh, self._beat, self._flush, self._watch_stalls, self._dispatch, self._listen]
        if self.court is not None:
            loops += [self._hear, self._look_around]
        tasks = [asyncio.create_task(self._guard(loop)) for loop in loops]
        while not stop.is_set():
            await asyncio.sleep(0.1)
        for task in (*tasks, *self.in_flight):
            task.cancel()
        await asyncio.gather(*tasks, *self.in_flight, return_exceptions=True)
        await self._save_results()

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

    def replace(self, found: dict[int, tuple[Target, Position]], *, spread: bool) -> None:
        """Take over the definitions. At start turns are spread by phase; a check added later is probed at once."""
        now = self.clock.monotonic()
        watched = self.judge.watched
        for number in watched.keys() - found.keys():
            self.judge.remove(number)
            self._leave(number)
        for number, (target, position) in found.items():
            old = watched.get(number)
            if old is not None and old.target == target:
                continue
            moved = old is not None and replace(old.target, shift=target.shift) == target
            if old is not None:
                position = old.position
                self.judge.remove(number)
            self.judge.add(number, Watched(target, position, seen=old.seen if old is not None and moved else {}))
            if target.regions and self.region not in target.regions:
                self._leave(number)
                continue
            wait = timetable.first_due(number, target.every, self.clock.now().timestamp(), target.shift)
            self.turns[number] = now + wait
            if spread:
                self.turns[number] += target.every.total_seconds()  # the first look stands for the first turn
                self.due.put(number, now + timetable.at_start(wait))
            else:
                self.due.put(number, now + (wait if moved else random.uniform(0, min(1.0, wait))))  # noqa: S311

    def _leave(self, number: int) -> None:
        """A check is not looked at from here any more."""
        self.due.remove(number)
        self.turns.pop(number, None)

    def hurry(self, numbers: Sequence[int]) -> None:
        """Look at these checks at once, if they are looked at from here and nobody does already."""
        now = self.clock.monotonic()
        for number in numbers:
            if self.due.waiting(number):
                self.due.put(number, now)

    async def _dispatch(self) -> None:
        while True:
            now = self.clock.monotonic()
            if len(self.in_flight) < MOST_IN_FLIGHT:
                for number, due in self.due.take(now):
                    self.lags_ms.append((now - due) * 1000)
                    task = asyncio.create_task(self._turn(number))
                    self.in_flight.add(task)
                    task.add_done_callback(self.in_flight.discard)
            following = self.due.next_at()
            wait = 0.1 if following is None else min(max(following - self.clock.monotonic(), 0.002), 0.1)
            await asyncio.sleep(wait)

    async def _turn(self, number: int) -> None:
        """One probe and what follows from it; whatever happens, the check gets its next turn."""
        again = False
        try:
            watched = self.judge.watched.get(number)
            if watched is not None:
                result = await probe(
                    watched.target, self.marker, self.policy, clock=self.clock, stalls=self.stalls, region=self.region
                )
                again = await self.take(number, watched, result)
        except Exception:
            log.exception("the turn of check %s failed; trying again soon", number)
            again = True
        finally:
            if number in self.turns:
                every, now = self.judge.watched[number].target.every, self.clock.monotonic()
                if self.turns[number] <= now:
                    self.turns[number] = timetable.next_due(self.turns[number], every, now)
                soon = now + timetable.retry_after(every).total_seconds()
                self.due.put(number, min(soon, self.turns[number]) if again else self.turns[number])

    async def take(self, number: int, watched: Watched, result: Result) -> bool:
        """Take one result in: remember, decide, save a transition. True when it should be tried again soon."""
        self.results.append(result)
        self.probed.add(number)
        watched.take(result.attempt)
        if self.court is None:
            return self._doubtful(watched)
        return await self._decide(self.court, number, watched)

    def _doubtful(self, watched: Watched) -> bool:
        """Whether a probe that does not judge looks again soon: at a first failure, and at a first success after it."""
        kept = list(watched.seen.get(self.region, ()))[-3:]
        outcomes = [attempt.outcome for attempt in kept]
        return (outcomes[-1] is not Outcome.UP and outcomes != [outcomes[-1]] * 3) or (
            len(outcomes) > 1 and outcomes[-1] is Outcome.UP and outcomes[-2] is Outcome.DOWN
        )

    async def _decide(self, court: Court, number: int, watched: Watched) -> bool:
        weighed = self.judge.verdict(watched, self.clock.now())
        verdict = weighed.verdict
        if verdict.elsewhere and len(self.judge.regions.out) > 1:
            self.doubted.add(number)
        self.hurry([self.judge.names[watched.target.project, name] for name in weighed.ask])
        if verdict.position != watched.position:
            watched.position = await self._in_thread(
                court.flip, watched.target, watched.position, verdict, self.clock.now()
            )
        elif verdict.state == State.UNKNOWN and verdict.text != watched.told:
            watched.told = verdict.text
            await self._in_thread(court.explain, watched.target, verdict.text)
        return verdict.check_again

    async def _hear(self) -> None:
        """Judge what remote probes see, and tell them what to look at."""
        court = self.court
        assert court is not None  # noqa: S101
        while True:
            found = await self._in_thread(court.arrivals)
            for number, attempt in found:
                watched = self.judge.watched.get(number)
                if watched is None or not watched.take(attempt):
                    continue
                self.probed.add(number)
                if await self._decide(court, number, watched):
                    self.hurry([number])
            asked, self.doubted = sorted(self.doubted), set()
            if asked:
                self.hurry(asked)
                await self._in_thread(court.ask_elsewhere, asked, self.clock.now())
            await asyncio.sleep(HEAR_SECONDS)

    async def _look_around(self) -> None:
        """Keep in mind which regions look, which have trouble of their own, and what is being worked on."""
        court = self.court
        assert court is not None  # noqa: S101
        while True:
            now = self.clock.now()
            before = {region for region, out in self.judge.regions.out.items() if not out}
            self.judge.regions = await self._in_thread(court.regions, now)
            self.judge.windows = await self._in_thread(court.windows)
            faults = self.judge.find_faults(now) if len(self.judge.regions.out) > 1 else {}
            silent = {region: out for region, out in self.judge.regions.out.items() if out}
            await self._in_thread(court.faults, {**silent, **faults}, now)
            if before - {region for region, out in self.judge.regions.out.items() if not out}:
                for number, watched in list(self.judge.watched.items()):  # a region went silent: what is left to say?
                    if watched.seen:
                        await self._decide(court, number, watched)
            await asyncio.sleep(REFRESH_SECONDS)

    async def _listen(self) -> None:
        while True:
            self.hurry(await self._in_thread(self.keeper.asked))
            await asyncio.sleep(HEAR_SECONDS)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._save_results()

    async def _save_results(self) -> None:
        results, self.results = self.results, []
        if results:
            await asyncio.to_thread(self.keeper.record, results)

    async def _beat(self) -> None:
        while True:
            numbers, self.probed = sorted(self.probed), set()
            lags = sorted(self.lags_ms)
            self.lags_ms.clear()
            details = {
                "checks": len(self.judge.watched),
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
