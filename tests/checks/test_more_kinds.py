"""Pings, gRPC health and domains against real sockets on the loopback interface."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

from golive.checks.kind import Asking, Seen
from golive.checks.kinds import KINDS, kind_of
from golive.checks.kinds.domain import expiry_of_rdap, expiry_of_whois, services_of
from golive.checks.kinds.icmp import checksum, is_reply, packet
from golive.kit.connections import Fault, Limits, OutboundError, Policy

LOOPBACK = Policy((ipaddress.ip_network("127.0.0.0/8"),))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def ask(given: dict[str, Any], policy: Policy = LOOPBACK, seconds: float = 10) -> Seen:
    kind = KINDS[kind_of(given)]
    wanted = kind.section.model_validate(given)
    assert kind.ask is not None
    return await kind.ask(wanted, Asking(given["url"], Limits(timedelta(seconds=seconds)), policy, NOW))


async def served(handler: Handler) -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_a_ping_is_answered_and_a_private_host_is_refused() -> None:
    try:
        seen = await ask({"url": "icmp://127.0.0.1", "packets": 2})
    except OutboundError as error:
        if error.fault is not Fault.OURS:
            raise
        pytest.skip(str(error))  # this machine lets nobody ping
    assert seen.ok
    assert "2 of 2 pings" in seen.reason
    with pytest.raises(OutboundError, match="private"):
        await ask({"url": "icmp://127.0.0.1"}, Policy())


def test_pings_are_built_and_recognised() -> None:
    mark = bytes(range(16))
    sent = packet(4, 7, mark)
    assert checksum(sent) == 0  # a right checksum makes the whole sum zero
    answer = b"\0" + sent[1:]
    assert is_reply(answer, 4, mark, raw=False)
    assert is_reply(b"\x45" + bytes(19) + answer, 4, mark, raw=True)
    assert not is_reply(sent, 4, mark, raw=False)
    assert not is_reply(answer, 4, b"another mark 16b", raw=False)
    assert not is_reply(b"", 4, mark, raw=True)
    assert is_reply(b"\x81" + sent[1:], 6, mark, raw=False)


def grpc(status: str, message: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, StreamEnded):
                    head = [(":status", "200"), ("content-type", "application/grpc")]
                    connection.send_headers(1, head)
                    connection.send_data(1, b"\0" + len(message).to_bytes(4, "big") + message)
                    connection.send_headers(1, [("grpc-status", status)], end_stream=True)
            writer.write(connection.data_to_send())
        writer.close()

    return handle


@pytest.mark.parametrize(
    ("status", "message", "ok", "said"),
    [
        ("0", b"\x08\x01", True, "serving"),
        ("0", b"\x08\x02", False, "NOT_SERVING"),
        ("0", b"", False, "UNKNOWN"),
        ("5", b"", False, "NOT_FOUND"),
        ("12", b"", False, "UNIMPLEMENTED"),
    ],
)
async def test_grpc_health(status: str, message: bytes, ok: bool, said: str) -> None:
    server, port = await served(grpc(status, message))
    seen = await ask({"url": f"grpc://127.0.0.1:{port}", "service": "acme.Tasks"})
    server.close()
    assert (seen.ok, said in seen.reason) == (ok, True), seen.reason


async def test_what_does_not_speak_grpc_is_down() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.acme.example ESMTP\r\n" * 3)
        await writer.drain()
        writer.close()

    server, port = await served(handle)
    with pytest.raises(OutboundError) as raised:
        await ask({"url": f"grpc://127.0.0.1:{port}"})
    server.close()
    assert raised.value.fault is Fault.TARGET


def web(status: int, body: Any) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        data = orjson.dumps(body)
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()
        writer.close()

    return handle


def whois(text: str) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\r\n") == b"acme.example\r\n"
        writer.write(text.encode())
        await writer.drain()
        writer.close()

    return handle


def events(date: str) -> dict[str, Any]:
    return {"objectClassName": "domain", "events": [{"eventAction": "registration", "eventDate": "2001-01-01"},
                                                   {"eventAction": "expiration", "eventDate": date}]}  # fmt: skip


@pytest.mark.parametrize(
    ("rdap", "told", "ok", "said"),
    [
        ((200, events("2027-03-01T00:00:00Z")), "", True, "registered until 2027-03-01 (RDAP)"),
        ((200, events("2026-01-20T00:00:00Z")), "", False, "expires in 19 days"),
        ((200, events("2025-12-20T00:00:00Z")), "", False, "has expired"),
        ((404, {}), "No match for ACME.EXAMPLE", False, "is not registered"),
        ((500, {}), "Registry Expiry Date: 2027-02-01T10:00:00Z\n", True, "2027-02-01 (WHOIS)"),
        ((200, {"events": []}), "paid-till: 2026.01.10\n", False, "by WHOIS"),
    ],
)
async def test_a_domain_by_rdap_and_by_whois(rdap: tuple[int, Any], told: str, ok: bool, said: str) -> None:
    registry, rdap_port = await served(web(*rdap))
    old, whois_port = await served(whois(told))
    given = {
        "url": "domain://acme.example",
        "rdap": f"http://127.0.0.1:{rdap_port}/",
        "whois": f"127.0.0.1:{whois_port}",
    }
    seen = await ask(given)
    registry.close()
    old.close()
    assert (seen.ok, said in seen.reason) == (ok, True), seen.reason


async def test_what_no_registry_tells_is_unknown_not_down() -> None:
    registry, rdap_port = await served(web(503, {}))
    old, whois_port = await served(whois("try again later\n"))
    given = {
        "url": "domain://acme.example",
        "rdap": f"http://127.0.0.1:{rdap_port}/",
        "whois": f"127.0.0.1:{whois_port}",
    }
    with pytest.raises(OutboundError) as raised:
        await ask(given)
    registry.close()
    old.close()
    assert raised.value.fault is Fault.OURS


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("   Registry Expiry Date: 2027-08-13T04:00:00Z", "2027-08-13"),
        ("Expiry date: 13-Aug-2027", "2027-08-13"),
        ("expires:        13.08.2027", "2027-08-13"),
        ("paid-till:     2027-08-13T21:00:00Z", "2027-08-13"),
        ("Registrar Registration Expiration Date: 2027-08-13 04:00:00", "2027-08-13"),
        ("Expiry Date: soon\nexpires: 20270813", "2027-08-13"),
        ("created: 2001-01-01", None),
    ],
)
def test_whois_is_read(text: str, date: str | None) -> None:
    found = expiry_of_whois(text)
    assert (f"{found:%Y-%m-%d}" if found else None) == date


def test_rdap_answers_and_the_list_of_registries_are_read() -> None:
    assert expiry_of_rdap({"events": "nonsense"[:0]}) is None
    assert expiry_of_rdap([]) is None
    found = services_of({"services": [[["com", "NET"], ["http://a/", "https://b/"]], [["de"], []]]})
    assert found == {"com": "https://b/", "net": "https://b/"}
