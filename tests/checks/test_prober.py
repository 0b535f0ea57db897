"""The probing loop against a real server: down, up, restarts, a keeper that fails."""

import asyncio
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any

from golive.alerts.models import State
from golive.checks.judging import Regions
from golive.checks.kinds.http import HttpSection
from golive.checks.probe import Result, Target
from golive.checks.prober import Prober
from golive.checks.verdict import Attempt, Position, Verdict
from golive.checks.windows import Window
from golive.kit.connections import Policy

LOOPBACK = Policy((ipaddress.ip_network("127.0.0.0/8"),))


class MemoryKeeper:
    """Keeps in memory what the database would."""

    def __init__(self, targets: list[Target]) -> None:
        self.states = {target.number: State.UNKNOWN for target in targets}
        self.all = {target.number: target for target in targets}
        self.changed = True
        self.flips: list[tuple[str, State, State]] = []
        self.rows: list[dict[str, Any]] = []
        self.beats: list[dict[str, Any]] = []
        self.fail_once = False

    def targets(self) -> dict[int, tuple[Target, Position]] | None:
        if not self.changed:
            return None
        self.changed = False
        return {number: (target, Position.of(self.states[number])) for number, target in self.all.items()}

    def flip(self, target: Target, old: Position, verdict: Verdict, at: datetime) -> Position:
        if self.fail_once:
            self.fail_once = False
            raise RuntimeError("database is locked")
        self.flips.append((target.name, old.state, verdict.state))
        self.states[target.number] = verdict.state
        return verdict.position

    def explain(self, target: Target, text: str) -> None:
        self.told = text

    def record(self, results: Sequence[Result]) -> None:
        self.rows += [result.row() for result in results]

    def asked(self) -> Sequence[int]:
        return ()

    def arrivals(self) -> Sequence[tuple[int, Attempt]]:
        return ()

    def regions(self, now: datetime) -> Regions:
        return Regions()

    def windows(self) -> dict[str, list[Window]]:
        return {}

    def ask_elsewhere(self, numbers: Sequence[int], at: datetime) -> None: ...

    def faults(self, found: dict[str, str], at: datetime) -> None: ...

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None:
        self.beats.append(details)


class Site:
    """A site that can be switched between healthy, failing and gone."""

    def __init__(self) -> None:
        self.status = 200
        self.requests = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def until(condition: Any, seconds: float = 15) -> None:
    for _ in range(int(seconds * 50)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


async def test_one_flip_down_and_one_up_even_when_saving_fails_once() -> None:
    site = Site()
    server = await asyncio.start_server(site.handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    every = timedelta(seconds=0.2)
    keeper = MemoryKeeper(
        [Target(n, "acme", f"c{n}", url, every, timedelta(seconds=2), wanted=HttpSection(url=url)) for n in range(1, 6)]
    )
    stop = Event()
    thread = Thread(target=Prober(keeper, "0" * 12, LOOPBACK, court=keeper).run, args=(stop,))
    thread.start()
    try:
        await until(lambda: len(keeper.flips) == 5)
        assert {flip[1:] for flip in keeper.flips} == {(State.UNKNOWN, State.OK)}
        keeper.fail_once = True
        site.status = 500
        await until(lambda: len(keeper.flips) == 10)
        site.status = 200
        await until(lambda: len(keeper.flips) == 15)
        assert sorted(flip[0] for flip in keeper.flips[5:10]) == ["c1", "c2", "c3", "c4", "c5"]
        assert {flip[1:] for flip in keeper.flips[10:]} == {(State.FIRING, State.OK)}
    finally:
        stop.set()
        await asyncio.to_thread(thread.join, 10)
        server.close()
    assert not thread.is_alive()
    assert len(keeper.rows) >= 25
    assert keeper.beats[0]["checks"] in (0, 5)


async def test_looks_in_between_do_not_move_a_checks_own_turn() -> None:
    """Regions that were all asked at once would look in unison ever after, and not share the interval."""
    url = "http://127.0.0.1:9/"
    target = Target(1, "acme", "home", url, timedelta(minutes=1), timedelta(seconds=2), wanted=HttpSection(url=url))
    prober = Prober(MemoryKeeper([target]), "0" * 12, LOOPBACK, region="eu")
    prober.replace({1: (target, Position(State.UNKNOWN))}, spread=True)
    own = prober.turns[1]
    for _ in range(3):  # after three failures it is not tried again soon
        prober.hurry([1])
        ((number, _due),) = prober.due.take(prober.clock.monotonic())
        await prober._turn(number)
    assert prober.due.next_at() == own


async def test_a_restart_in_the_middle_of_an_outage_neither_repeats_nor_forgets_it() -> None:
    site = Site()
    site.status = 500
    server = await asyncio.start_server(site.handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    keeper = MemoryKeeper(
        [Target(1, "acme", "home", url, timedelta(seconds=0.2), timedelta(seconds=2), wanted=HttpSection(url=url))]
    )
    for turn in range(3):
        keeper.changed = True
        stop = Event()
        thread = Thread(target=Prober(keeper, "0" * 12, LOOPBACK, court=keeper).run, args=(stop,))
        thread.start()
        seen = site.requests
        try:
            await until(lambda seen=seen: site.requests > seen + 3)  # type: ignore[misc]
            if turn == 2:
                site.status = 200
                await until(lambda: len(keeper.flips) == 2)
        finally:
            stop.set()
            await asyncio.to_thread(thread.join, 10)
    server.close()
    assert keeper.flips == [("home", State.UNKNOWN, State.FIRING), ("home", State.FIRING, State.OK)]
