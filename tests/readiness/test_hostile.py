"""A hostile target: whatever it does, each examination ends, does not pass, and keeps nothing secret."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest

from golive.kit.connections import Limits
from golive.readiness import advisories
from golive.readiness.asking import Site
from golive.readiness.items.authentication import AuthenticationSettings
from golive.readiness.items.cors import examine_site as examine_cors
from golive.readiness.items.legal import LegalSettings
from golive.readiness.items.legal import examine_site as examine_legal
from golive.readiness.items.limits import Limited, LimitSettings
from golive.readiness.items.limits import examine_site as examine_limits
from golive.readiness.items.secrets import examine_served
from golive.readiness.items.support import SupportSettings
from golive.readiness.items.support import examine_site as examine_support
from golive.readiness.items.transport import examine_headers
from golive.readiness.locks import Package
from golive.readiness.planted import LOOPBACK
from golive.readiness.refusals import People, Refusals, somebody
from golive.readiness.refusals_planted import WANTED
from golive.readiness.routes import asked_openapi
from golive.readiness.verdict import CannotTell, Report, Verdict, conclude

SECRET = "k3Jq8Zt1Xw5Rb7Ny2Vc9Lm4Pd6"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
PATIENCE = timedelta(seconds=1.5)
LIMITS = Limits(total=timedelta(seconds=0.4), body_bytes=20_000, redirects=0)
MANNERS = ("loop", "drip", "flood", "html", "noise", "closed", "bomb")


async def hostile(manner: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        match manner:
            case "loop":
                writer.write(b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")
            case "drip":
                writer.write(HEAD)
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case "flood":
                writer.write(HEAD)
                while True:
                    writer.write(f"{SECRET} ".encode() * 2000)
                    await writer.drain()
            case "html":
                writer.write(HEAD + b"<html><a href='javascript:1'><script src='//[::'></script>")
            case "noise":
                writer.write(bytes(range(256)) * 4)
            case "bomb":
                zeros = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + b"\x00" * 100
                writer.write(HEAD[:-2] + b"Content-Encoding: gzip\r\n\r\n" + zeros)
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


@contextmanager
def serving(manner: str) -> Iterator[str]:
    loop, started = asyncio.new_event_loop(), threading.Event()
    port: list[int] = []

    async def serve() -> None:
        server = await asyncio.start_server(lambda r, w: hostile(manner, r, w), "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        started.set()
        async with server:
            await server.serve_forever()

    def run() -> None:
        asyncio.set_event_loop(loop)
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        left = asyncio.all_tasks(loop)
        for one in left:
            one.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    task = loop.create_task(serve())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait(30)
    try:
        yield f"http://127.0.0.1:{port[0]}"
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(30)


def _limits(site: Site) -> Report:
    wanted = LimitSettings(path="/login", fields={"email": "{{account}}"}, by_account=2, by_address=3)
    return examine_limits(site, [Limited("login", wanted)], timedelta(seconds=1))


def _openapi(site: Site) -> Report:
    asked_openapi(site, AuthenticationSettings().openapi or "/openapi.json")
    return Report(examined=1, expected=1)


def _advisories(site: Site) -> Report:
    advisories.ask(site, [Package("PyPI", "a", "1")])
    return Report(examined=1, expected=1)


EXAMINATIONS: dict[str, Callable[[Site], Report]] = {
    "authentication": _openapi,
    "limits": _limits,
    "transport": lambda site: examine_headers(site, ["/", "/login"]),
    "cors": lambda site: examine_cors(site, ["https://app.example"], ["/"]),
    "secrets": lambda site: examine_served(site, ["/"], {}),
    "dependencies": _advisories,
    "legal": lambda site: examine_legal(site, LegalSettings()),
    "support": lambda site: examine_support(
        site, SupportSettings(fields={"m": "{{message}}"}, within=timedelta(seconds=0.2)), lambda nonce: False
    ),
    "auth_flows": lambda site: Refusals(site, WANTED, site, lambda: 0.0).examine(People(plain=somebody())),
}


@pytest.mark.parametrize("manner", MANNERS)
def test_no_examination_hangs_crashes_or_passes(manner: str) -> None:
    with serving(manner) as url:
        for name, examine in EXAMINATIONS.items():
            site = Site(url, policy=LOOPBACK, limits=LIMITS, patience=PATIENCE, hidden=[SECRET])
            try:
                report = examine(site)
            except CannotTell as error:
                report = Report(doubts=[error.doubt])
            if name == "secrets" and manner in ("html", "loop", "flood"):
                continue  # a page without secrets is one, whatever else it is
            assert conclude(report).verdict is not Verdict.PASS, name
            assert SECRET not in repr(report) + repr(site.exchanges), name
