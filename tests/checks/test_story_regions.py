"""Eight failures as three regions see them, with real sockets: failure → verdict → flip.

Each region reaches the site through a door of its own (a listening socket), so that one region can be cut off.
Times are shortened by one declared factor; nothing is asserted about them.
"""

import asyncio
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from golive.alerts.models import State
from golive.checks.judging import Regions
from golive.checks.kinds.http import HttpSection
from golive.checks.kinds.tls import TlsSection
from golive.checks.probe import REGION, Result, Target
from golive.checks.prober import Prober
from golive.checks.verdict import Attempt, Position, Scope, Verdict
from golive.checks.windows import Window
from golive.kit.connections import Policy

FACTOR = 60  # a second here is a minute in production
EVERY = timedelta(seconds=60 / FACTOR)
LOOPBACK = Policy((ipaddress.ip_network("127.0.0.0/8"),))
REGIONS = (REGION, "eu", "us")


class Site:
    """The site: one door a region, each of which can be open, shut, hanging or slow."""

    def __init__(self) -> None:
        self.mood: dict[str, str] = dict.fromkeys(REGIONS, "open")
        self.ports: dict[str, int] = {}
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.ready.wait(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._open())
        self.ready.set()
        self.loop.run_forever()
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.close()

    def close(self) -> None:
        """Shut all doors, and let go of whoever still stands in one."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(30)

    async def _open(self) -> None:
        for region in REGIONS:
            server = await asyncio.start_server(self._handler(region), "127.0.0.1", 0)
            self.ports[region] = server.sockets[0].getsockname()[1]

    def _handler(self, region: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                if self.mood[region] == "hanging":
                    await asyncio.sleep(60)
                if self.mood[region] == "slow":
                    await asyncio.sleep(1.5)
                if self.mood[region] != "shut":  # a door that is shut breaks the connection off
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        return handle

    def all(self, mood: str) -> None:
        self.mood = dict.fromkeys(REGIONS, mood)


class Golive:
    """What the server keeps: positions and flips, what probes sent, whom it heard of."""

    def __init__(self) -> None:
        self.positions = {1: Position(State.UNKNOWN)}
        self.flips: list[Verdict] = []
        self.sent: list[tuple[int, Attempt]] = []
        self.heard: dict[str, float] = {}
        self.judged: set[str] = set()  # regions whose looks have come before the court
        self.wishes: dict[str, list[int]] = {region: [] for region in REGIONS}
        self.target: Target | None = None
        self.lock = threading.Lock()

    def targets(self) -> dict[int, tuple[Target, Position]] | None:
        return {1: (self.target, self.positions[1])} if self.target else {}

    def record(self, results: Sequence[Result]) -> None: ...

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None: ...

    def asked(self) -> Sequence[int]:
        return ()

    def flip(self, target: Target, old: Position, verdict: Verdict, at: datetime) -> Position:
        assert self.positions[1] == old
        self.positions[1] = verdict.position
        self.flips.append(verdict)
        return verdict.position

    def explain(self, target: Target, text: str) -> None: ...

    def arrivals(self) -> Sequence[tuple[int, Attempt]]:
        with self.lock:
            sent, self.sent = self.sent, []
        self.judged |= {attempt.region for _, attempt in sent}
        return sent

    def regions(self, now: datetime) -> Regions:
        silent = {region: "" if time.monotonic() - at < 10 else "has been silent" for region, at in self.heard.items()}
        return Regions({REGION: "", **silent})

    def windows(self) -> dict[str, list[Window]]:
        return {}

    def ask_elsewhere(self, numbers: Sequence[int], at: datetime) -> None:
        for wishes in self.wishes.values():
            wishes += numbers

    def faults(self, found: dict[str, str], at: datetime) -> None: ...


class Away:
    """A remote probe's keeper, talking to the server by plain calls."""

    def __init__(self, golive: Golive, region: str, target: Target) -> None:
        self.golive, self.region, self.target = golive, region, target

    def targets(self) -> dict[int, tuple[Target, Position]] | None:
        return {1: (self.target, Position(State.UNKNOWN))}

    def record(self, results: Sequence[Result]) -> None:
        with self.golive.lock:
            self.golive.sent += [(1, result.attempt) for result in results]

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None: ...

    def asked(self) -> Sequence[int]:
        self.golive.heard[self.region] = time.monotonic()
        wishes, self.golive.wishes[self.region] = self.golive.wishes[self.region], []
        return wishes


class World:
    """Three probers and the golive that judges."""

    def __init__(self, targets: dict[str, Target]) -> None:
        self.golive, self.targets = Golive(), targets
        self.running: dict[str, tuple[threading.Event, threading.Thread]] = {}
        self.golive.target = targets[REGION]
        for region in REGIONS:
            self.start(region)

    def start(self, region: str) -> None:
        if region == REGION:
            prober = Prober(self.golive, "0" * 12, LOOPBACK, court=self.golive)
        else:
            keeper = Away(self.golive, region, self.targets[region])
            prober = Prober(keeper, "0" * 12, LOOPBACK, region=region)
        stop = threading.Event()
        thread = threading.Thread(target=prober.run, args=(stop,), daemon=True)
        thread.start()
        self.running[region] = stop, thread

    def kill(self, region: str) -> None:
        stop, thread = self.running.pop(region)
        stop.set()
        thread.join(30)

    def becomes(self, state: State, scope: Scope = Scope.NONE, seconds: float = 120) -> Verdict:
        """Wait for a position, and answer with the verdict that led to it."""
        end = time.monotonic() + seconds
        while (self.golive.positions[1].state, self.golive.positions[1].scope) != (state, scope):
            assert time.monotonic() < end, f"{self.golive.positions[1]} after {self.golive.flips[-3:]}"
            time.sleep(0.05)
        return self.golive.flips[-1]

    def hears_everybody(self) -> None:
        """Wait until the probes of all regions have reported: one that never did has no voice."""
        end = time.monotonic() + 120
        while self.golive.judged < set(REGIONS) - {REGION}:
            assert time.monotonic() < end, self.golive.judged
            time.sleep(0.05)
        self.becomes(State.OK)

    def stop(self) -> None:
        for region in list(self.running):
            self.kill(region)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def world(site: Site) -> Iterator[World]:
    def target(region: str) -> Target:
        url = f"http://127.0.0.1:{site.ports[region]}/"
        second = timedelta(seconds=1)
        return Target(1, "acme", "home", url, EVERY, 5 * second, second, wanted=HttpSection(url=url))

    made = World({region: target(region) for region in REGIONS})
    yield made
    made.stop()


def test_failures_of_the_site_and_of_the_way_there(site: Site, world: World) -> None:
    world.hears_everybody()
    # the process is dead
    site.all("shut")
    assert "does not speak HTTP" in world.becomes(State.FIRING, Scope.GLOBAL).text
    site.all("open")
    world.becomes(State.OK)
    # one region is cut off, and comes back
    site.mood["us"] = "shut"
    regional = world.becomes(State.FIRING, Scope.REGIONAL)
    assert "from us, while it is up from built-in, eu" in regional.text
    assert regional.severity == "warning"
    site.mood["us"] = "open"
    world.becomes(State.OK)
    # everything is slow
    site.all("slow")
    assert "more than 1s" in world.becomes(State.FIRING, Scope.GLOBAL).text
    # the server restarts in the middle: the outage is neither repeated nor forgotten
    world.kill(REGION)
    before = len(world.golive.flips)
    world.start(REGION)
    site.all("open")
    world.becomes(State.OK)
    assert [flip.state for flip in world.golive.flips[before:]] == [State.OK]


def test_a_hanging_socket_a_dead_probe_and_flapping(site: Site, world: World) -> None:
    world.hears_everybody()
    # a probe dies: nothing is down, and the others go on to judge
    world.kill("us")
    flips = len(world.golive.flips)
    time.sleep(1)
    assert len(world.golive.flips) == flips
    site.all("hanging")
    assert "no answer within 5 s" in world.becomes(State.FIRING, Scope.GLOBAL).text
    site.all("open")
    world.becomes(State.OK)
    # one look in several fails in one region: it flaps, and nobody is paged
    flips = len(world.golive.flips)
    for _ in range(5):
        site.mood["eu"] = "shut"
        time.sleep(0.3)
        site.mood["eu"] = "open"
        time.sleep(1.2)
    assert not [flip for flip in world.golive.flips[flips:] if flip.scope is Scope.GLOBAL and flip.state == "firing"]


def expired(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS whose certificate ran out yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(days=9)).not_valid_after(now - timedelta(days=1))
    certificate = built.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def test_an_expired_certificate_is_down_everywhere(tmp_path: Path) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=expired(tmp_path))
    url = f"tls://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    one = Target(1, "acme", "tls", url, EVERY, timedelta(seconds=5), wanted=TlsSection(url=url, verify=False))
    made = await asyncio.to_thread(World, {region: replace(one) for region in REGIONS})
    try:
        verdict = await asyncio.to_thread(made.becomes, State.FIRING, Scope.GLOBAL)
    finally:
        await asyncio.to_thread(made.stop)
        server.close()
    assert "certificate expires in" in verdict.text
