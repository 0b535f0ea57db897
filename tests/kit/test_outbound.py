"""Outbound HTTP against hostile servers: it must end in time, stay within bounds and never reach a private address."""

import asyncio
import gzip
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from golive.kit.connections import Fault, Limits, OutboundError, Policy
from golive.kit.outbound import fetch

LOOPBACK = Policy((ipaddress.ip_network("127.0.0.0/8"),))
Behaviour = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await behaviour(head, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def saying(head: str, body: bytes = b"") -> Behaviour:
    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return behave


@pytest.mark.parametrize(
    ("address", "permitted"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),  # noqa: S104
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00:ec2::254", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::", False),
    ],
)
def test_only_public_addresses_may_be_asked(address: str, permitted: bool) -> None:
    assert Policy().permits(ipaddress.ip_address(address)) is permitted


def test_the_operator_may_allow_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_ALLOW_PRIVATE", "10.0.0.0/8, 127.0.0.1")
    policy = Policy.from_environment()
    assert policy.permits(ipaddress.ip_address("10.9.9.9"))
    assert policy.permits(ipaddress.ip_address("::ffff:127.0.0.1"))
    assert not policy.permits(ipaddress.ip_address("127.0.0.2"))
    monkeypatch.setenv("GOLIVE_ALLOW_PRIVATE", "ten")
    with pytest.raises(ValueError, match="GOLIVE_ALLOW_PRIVATE"):
        Policy.from_environment()


async def test_an_answer_has_body_headers_and_phases() -> None:
    seen: list[bytes] = []

    async def behave(head: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(head)
        await saying("200 OK\r\nX-Thing: yes", b"hello")(head, writer)

    async with serving(behave) as url:
        answer = await fetch(f"{url}/a?b=c", headers={"X-Mine": "1"}, policy=LOOPBACK)
    assert (answer.status, answer.body, answer.header("x-thing"), answer.truncated) == (200, b"hello", "yes", False)
    assert seen[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"x-mine: 1" in seen[0].lower()
    assert answer.phases.connect_ms is not None
    assert answer.phases.first_byte_ms is not None
    assert answer.phases.tls_ms is None
    assert answer.phases.total_ms >= answer.phases.first_byte_ms


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://localhost:1/", "http://2130706433:1/", "http://0x7f.1:1/"]
)
async def test_loopback_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(OutboundError) as raised:
        await fetch(url, policy=Policy())
    assert raised.value.fault == Fault.REFUSED


async def test_a_name_that_turns_private_at_the_second_question_gains_nothing() -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["10.0.0.1"]])
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    async with serving(saying("200 OK", b"pinned")) as url:
        port = url.rpartition(":")[2]
        answer = await fetch(f"http://rebind.example:{port}/", policy=LOOPBACK, resolver=rebinding)
    assert (answer.body, answer.address, asked) == (b"pinned", "127.0.0.1", ["rebind.example"])


async def test_only_permitted_addresses_of_a_name_are_tried() -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["10.0.0.1", "::1", "127.0.0.1"]

    async with serving(saying("200 OK", b"x")) as url:
        answer = await fetch(url.replace("127.0.0.1", "mixed.example"), policy=LOOPBACK, resolver=mixed)
    assert answer.address == "127.0.0.1"


async def test_a_redirect_into_a_private_network_is_refused() -> None:
    async with serving(saying("302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/")) as url:
        with pytest.raises(OutboundError) as raised:
            await fetch(url, policy=LOOPBACK)
    assert raised.value.fault == Fault.REFUSED


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://x/", "//[::1", "http://"])
async def test_a_redirect_to_anything_else_is_an_error(target: str) -> None:
    async with serving(saying(f"302 Found\r\nLocation: {target}")) as url:
        with pytest.raises(OutboundError):
            await fetch(url, policy=LOOPBACK)


async def test_redirects_are_followed_but_not_for_ever_and_secrets_stay_behind() -> None:
    heads: list[bytes] = []

    async def last(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        await saying("200 OK", b"end")(head, writer)

    async with serving(last) as end, serving(saying(f"302 Found\r\nLocation: {end}/x")) as start:
        answer = await fetch(start, headers={"Authorization": "Bearer s"}, policy=LOOPBACK)
    assert (answer.body, answer.redirects) == (b"end", 1)
    assert b"authorization" not in heads[0].lower()
    async with serving(saying("302 Found\r\nLocation: /again")) as loop:
        with pytest.raises(OutboundError, match="redirects more than 5"):
            await fetch(loop, policy=LOOPBACK)
        answer = await fetch(loop, policy=LOOPBACK, limits=Limits(redirects=0))
    assert answer.status == 302


async def test_a_body_is_cut_at_the_limit() -> None:
    async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            await writer.drain()

    async with serving(endless) as url:
        answer = await fetch(url, policy=LOOPBACK, limits=Limits(body_bytes=50_000))
    assert (len(answer.body), answer.truncated) == (50_000, True)


async def test_a_compression_bomb_is_not_inflated() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    async with serving(saying("200 OK\r\nContent-Encoding: gzip", bomb)) as url:
        answer = await fetch(url, policy=LOOPBACK, limits=Limits(body_bytes=10_000))
    assert (len(answer.body), answer.truncated) == (10_000, True)
    async with serving(saying("200 OK\r\nContent-Encoding: gzip", gzip.compress(b"fine"))) as url:
        assert (await fetch(url, policy=LOOPBACK)).body == b"fine"
    async with serving(saying("200 OK\r\nContent-Encoding: gzip", b"not gzip")) as url:
        with pytest.raises(OutboundError, match="Content-Encoding"):
            await fetch(url, policy=LOOPBACK)


@pytest.mark.parametrize("where", ["silence", "head", "body", "interim"])
async def test_a_server_that_drips_ends_at_the_time_limit(where: str) -> None:
    async def drip(_: bytes, writer: asyncio.StreamWriter) -> None:
        start, drop = {
            "silence": (b"", b""),
            "head": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
            "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"),
            "interim": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        }[where]
        writer.write(start)
        while not writer.is_closing():
            writer.write(drop)
            await asyncio.sleep(0.02)

    async with serving(drip) as url:
        began = time.monotonic()
        with pytest.raises(OutboundError, match=r"no answer within 0\.3 s") as raised:
            await fetch(url, policy=LOOPBACK, limits=Limits(total=timedelta(seconds=0.3)))
        assert time.monotonic() - began < 60  # in time at all: a loaded machine may be late
    assert raised.value.fault == Fault.TARGET


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\x00\x01\x02",
        b"HTTP/9.9 what\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    ],
)
async def test_broken_answers_are_the_targets_fault(noise: bytes) -> None:
    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(noise)

    async with serving(behave) as url:
        with pytest.raises(OutboundError) as raised:
            await fetch(url, policy=LOOPBACK)
    assert raised.value.fault == Fault.TARGET


async def test_huge_headers_are_refused() -> None:
    async with serving(saying("200 OK\r\nX: " + "y" * 500_000)) as url:
        with pytest.raises(OutboundError) as raised:
            await fetch(url, policy=LOOPBACK)
    assert raised.value.fault == Fault.TARGET


async def test_a_closed_port_is_the_targets_fault() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OutboundError, match="connection refused") as raised:
        await fetch(f"http://127.0.0.1:{port}/", policy=LOOPBACK)
    assert raised.value.fault == Fault.TARGET


@pytest.mark.parametrize(
    ("number", "fault"),
    [(socket.EAI_NONAME, Fault.TARGET), (socket.EAI_AGAIN, Fault.OURS), (socket.EAI_SYSTEM, Fault.OURS)],
)
async def test_a_failing_resolver_is_our_fault_a_missing_name_is_theirs(number: int, fault: Fault) -> None:
    async def failing(host: str, port: int) -> list[str]:
        raise socket.gaierror(number, "no")

    with pytest.raises(OutboundError) as raised:
        await fetch("http://name.example/", resolver=failing)
    assert raised.value.fault == fault


@pytest.mark.parametrize("url", ["ftp://x/", "/path", "http://", "http://[::1", "http://a:99999/", "http://a b/"])
async def test_what_is_no_url_is_said_so(url: str) -> None:
    with pytest.raises(OutboundError) as raised:
        await fetch(url)
    assert raised.value.fault == Fault.INPUT


async def test_plain_http_where_tls_is_expected() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    with pytest.raises(OutboundError, match=r"TLS failed|connection broke|could not connect") as raised:
        await fetch(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", policy=LOOPBACK)
    server.close()
    assert raised.value.fault == Fault.TARGET
