"""Every kind of check against a real server of its kind, in good and in bad health."""

import asyncio
import base64
import contextlib
import hashlib
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from golive.checks.kind import certificate_trouble
from golive.checks.kinds import KINDS, kind_of
from golive.checks.kinds.http import HttpSection, at_path, judge, steps
from golive.checks.kinds.websocket import _MAGIC
from golive.checks.probe import Result, Target, probe
from golive.checks.verdict import Outcome
from golive.kit.connections import Phases, Policy
from golive.kit.outbound import Answer
from golive.sandbox.servers import PostgresServer, RedisServer

LOOPBACK = Policy((ipaddress.ip_network("127.0.0.0/8"),))
NOW = datetime.now(UTC)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def target(url: str, secrets: dict[str, str] | None = None, **keys: Any) -> Target:
    given = {"url": url, **keys}
    section = KINDS[kind_of(given)].section.model_validate(given)
    every, timeout = timedelta(seconds=60), timedelta(seconds=3)
    return Target(1, "acme", "c", url, every, timeout, wanted=section, secrets=secrets or {})


async def asked(url: str, secrets: dict[str, str] | None = None, **keys: Any) -> Result:
    return await probe(target(url, secrets, **keys), "abcdef012345", LOOPBACK)


async def said(url: str, secrets: dict[str, str] | None = None, **keys: Any) -> tuple[bool, str]:
    result = await asked(url, secrets, **keys)
    assert result.attempt.outcome in (Outcome.UP, Outcome.DOWN), result.attempt
    return result.attempt.outcome is Outcome.UP, result.attempt.reason


@contextlib.asynccontextmanager
async def serving(handle: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handle(reader, writer)
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def closed() -> str:
    """A place where nobody listens."""
    return "127.0.0.1:1"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody signed and that lasts 10 days and an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme.test")])
    until = NOW + timedelta(days=10, hours=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), NOW, until)
    signed = builder.sign(key, hashes.SHA256())
    file: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(file)
    return made


def test_the_scheme_names_the_kind() -> None:
    assert {kind_of({"url": url}) for url in ("https://a", "/healthz", "env:URL")} == {"http"}
    assert [kind_of({"url": f"{scheme}://a:1"}) for scheme in ("tcp", "rediss", "postgresql", "wss")] == [
        "tcp",
        "redis",
        "postgres",
        "websocket",
    ]
    assert kind_of({"url": "smtp://a", "kind": "tcp"}) == "tcp"
    assert all(name == kind.name for name, kind in KINDS.items())


@pytest.mark.parametrize(
    ("keys", "status", "body", "trouble"),
    [
        ({}, 200, b"", None),
        ({"status": [200, 204]}, 404, b"", "answered 404, not 200 or 204"),
        ({"contains": "fine"}, 200, b"all ok", "the body does not contain 'fine'"),
        ({"contains": "grün"}, 200, "alles grün".encode(), None),
        ({"matches": r"v\d+\.\d"}, 200, b"version v12.3", None),
        ({"matches": r"^v\d"}, 200, b"version v12.3", "the body does not match"),
        ({"json": {"status": "ok", "queues[0].size": 0}}, 200, b'{"status":"ok","queues":[{"size":0}]}', None),
        ({"json": {"status": "ok"}}, 200, b'{"status":"degraded"}', 'status is "degraded", not "ok"'),
        ({"json": {"ready": True}}, 200, b'{"ready":1}', "ready is 1, not true"),
        ({"json": {"a.b": 1}}, 200, b'{"a":[]}', "its JSON has no a.b"),
        ({"json": {"a": 1}}, 200, b"<html>", "the body is not JSON"),
        ({"answer_headers": {"content-type": "json"}}, 200, b"", None),
        ({"answer_headers": {"Content-Type": "html"}}, 200, b"", "the header Content-Type is 'application/json'"),
        ({"answer_headers": {"x-version": ""}}, 200, b"", "the header x-version is missing"),
        ({"certificate_days": 5}, 200, b"", None),
        ({"certificate_days": 14}, 200, b"", "its certificate expires in 10 days"),
    ],
)
def test_judging_an_http_answer(keys: dict[str, Any], status: int, body: bytes, trouble: str | None) -> None:
    wanted = HttpSection.model_validate({"url": "/", **keys})
    headers = (("Content-Type", "application/json"),)
    until = NOW + timedelta(days=10, hours=1)
    given = Answer("http://x/", status, headers, body, False, "127.0.0.1", 0, Phases(), until)
    found = judge(wanted, given, NOW)
    assert found == trouble if trouble is None else (found or "").startswith(trouble)


def test_paths_into_json() -> None:
    assert steps("a.b[0][12].c-d") == ["a", "b", 0, 12, "c-d"]
    assert at_path([{"a": 1}], "[0].a") == 1
    for wrong in ("", ".a", "a..b", "a[x]", "a["):
        with pytest.raises(ValueError, match="not a path"):
            steps(wrong)
    assert certificate_trouble(None, 5, NOW) == "there is no certificate to look at"


async def test_http_sends_what_it_is_told_and_keeps_credentials_from_other_origins() -> None:
    requests: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = await reader.readexactly(5) if "content-length: 5" in head else b""
        requests.append(head + body.decode())
        where = f"http://localhost:{address.rpartition(':')[2]}/there"
        moved = f"307 Moved\r\nLocation: {where}" if head.split()[1] == "/away" else "200 OK"
        writer.write(f"HTTP/1.1 {moved}\r\nContent-Length: 0\r\n\r\n".encode())

    async with serving(handle) as address:
        headers = {"X-Api-Key": "secret:key", "X-Plain": "yes"}
        secrets = {"headers.X-Api-Key": "k-123", "token": "t-456"}
        keys: dict[str, Any] = {"method": "POST", "headers": headers, "body": "hello", "token": "secret:t"}
        assert (await said(f"http://{address}/away", secrets, **keys))[0]
        assert all(part in requests[0] for part in ("POST /away", "k-123", "Bearer t-456", "hello", "x-plain: yes"))
        assert "POST /there" in requests[1]
        assert not any(part in requests[1] for part in ("k-123", "t-456", "x-plain"))
        assert (await said(f"http://{address}/away", redirects=False))[1] == "answered 307, not 200"
        await said(f"http://{address}/", {"password": "pa:ss"}, user="ada", password="secret:p")
        assert "authorization: Basic YWRhOnBhOnNz" in requests[-1]


async def test_tcp() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"AMQP ready" if await reader.read(4) == b"knoc" else b"?")
        await writer.drain()

    async with serving(greet) as address:
        assert (await said(f"tcp://{address}"))[0]
        assert (await said(f"tcp://{address}", send="knock", contains="ready"))[0]
        assert not (await said(f"tcp://{address}", send="knock", contains="steady"))[0]
    assert await said(f"tcp://{closed()}") == (False, "connection refused")
    refused = await probe(target(f"tcp://{closed()}"), "0" * 12, Policy())
    assert refused.attempt.outcome is Outcome.FAULT
    assert "private" in refused.attempt.reason


async def test_certificates(context: ssl.SSLContext) -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with serving(wait, context) as address:
        assert "certificate is not valid" in (await said(f"tls://{address}"))[1]
        found = await said(f"tls://{address}", verify=False, certificate_days=14)
        assert (found[0], found[1][:39]) == (False, "its certificate expires in 10 days (202")
        result = await asked(f"tls://{address}", verify=False, certificate_days=9)
        assert result.attempt.outcome is Outcome.UP
        assert result.row()["kind"] == "tls"
        assert result.row()["tls_ms"] > 0


async def test_https_without_verification(context: ssl.SSLContext) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with serving(handle, context) as address:
        assert "certificate is not valid" in (await said(f"https://{address}/"))[1]
        assert (await said(f"https://{address}/", verify=False))[0]
        assert "expires in 10 days" in (await said(f"https://{address}/", verify=False, certificate_days=14))[1]


class Names(asyncio.DatagramProtocol):
    """A name server that knows acme.test."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        asked_for = question.question[0]
        known = {
            1: ("A", ["192.0.2.1", "192.0.2.2"]),
            15: ("MX", ["10 MX.acme.test."]),
            16: ("TXT", ['"v=spf1" " -all"']),
        }
        if str(asked_for.name) != "acme.test.":
            answer.set_rcode(3)  # NXDOMAIN
        elif asked_for.rdtype in known:
            kind, values = known[asked_for.rdtype]
            answer.answer.append(dns.rrset.from_text("acme.test.", 60, "IN", kind, *values))
        self.transport.sendto(answer.to_wire(), address)


async def test_dns() -> None:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=("127.0.0.1", 0))
    server = "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
    try:
        assert await said("dns://acme.test", server=server) == (True, "A is as expected")
        assert (await said("dns://acme.test", server=server, value="192.0.2.2"))[0]
        wrong = await said("dns://acme.test", server=server, value=["192.0.2.1", "192.0.2.9"])
        assert wrong == (False, "A is 192.0.2.1, 192.0.2.2, without '192.0.2.9'")
        assert (await said("dns://acme.test", server=server, record="MX", value="10 mx.acme.test"))[0]
        assert (await said("dns://acme.test", server=server, record="TXT", value="v=spf1 -all"))[0]
        assert await said("dns://acme.test", server=server, record="AAAA") == (False, "the name has no AAAA record")
        assert await said("dns://gone.test", server=server) == (False, "the name does not exist")
        refused = await probe(target("dns://acme.test", server=server), "0" * 12, Policy())
        assert refused.attempt.outcome is Outcome.FAULT
    finally:
        transport.close()


async def test_smtp(context: ssl.SSLContext) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.acme.test ready\r\n")
        while line := (await reader.readline()).decode():
            match line.split()[0]:
                case "EHLO":
                    writer.write(b"250-mail.acme.test\r\n250 STARTTLS\r\n")
                case "STARTTLS":
                    writer.write(b"220 go\r\n")
                    await writer.drain()
                    await writer.start_tls(context)
                case "QUIT":
                    writer.write(b"221 bye\r\n")

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 not today\r\n")
        await writer.drain()

    async with serving(talk) as address:
        assert await said(f"smtp://{address}") == (True, "greets with '220 mail.acme.test ready'")
        assert "certificate is not valid" in (await said(f"smtp://{address}", starttls=True))[1]
        assert "no certificate" in (await said(f"smtp://{address}", certificate_days=1))[1]
    async with serving(refuse) as address:
        assert await said(f"smtp://{address}") == (False, "said '554 not today' where 220 was expected")


async def test_websocket() -> None:
    async def agree(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
        if "/live" not in head:
            writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n")
            return
        answer = base64.b64encode(hashlib.sha1(f"{key}{_MAGIC}".encode()).digest()).decode()  # noqa: S324
        writer.write(f"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: {answer}\r\n\r\n".encode())
        await reader.read(6)

    async with serving(agree) as address:
        assert await said(f"ws://{address}/live") == (True, "opens a WebSocket")
        assert (await said(f"ws://{address}/dead"))[1] == "answered 'HTTP/1.1 404 Not Found', not 101"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


async def test_postgres(postgres: PostgresServer) -> None:
    place = f"127.0.0.1:{postgres.port}"
    assert await said(f"postgres://{place}") == (True, "accepts connections")
    url = f"postgres://{postgres.user}@{place}/postgres"
    result = await asked(url, {"password": postgres.password}, password="secret:db")
    assert (result.attempt.outcome, result.attempt.reason) == (Outcome.UP, "answers SELECT 1")
    assert result.phases.first_byte_ms
    wrong = await said(url, {"password": "wrong"}, password="secret:db")
    assert not wrong[0]
    assert "password authentication failed" in wrong[1]
    assert "wrong" not in wrong[1]
    assert await said(f"postgres://{closed()}") == (False, "connection refused")


async def test_redis() -> None:
    with RedisServer() as server:
        assert await said(f"redis://127.0.0.1:{server.port}") == (True, "answers PING")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"CONFIG SET requirepass s3cret\r\n")
        assert await reader.readline() == b"+OK\r\n"
        writer.close()
        url = f"redis://127.0.0.1:{server.port}"
        assert await said(url) == (True, "answers, and asks for a password")
        assert await said(url, {"password": "s3cret"}, password="secret:cache") == (True, "answers PING")
        wrong = await said(f"redis://127.0.0.1:{server.port}", {"password": "x"}, password="secret:cache")
        assert (wrong[0], wrong[1][:20]) == (False, "refuses the password")
    assert await said(f"redis://{closed()}") == (False, "connection refused")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"url": "tcp://acme.example"}, "names no port"),
        ({"url": "redis://:pa@acme.example"}, "a password does not belong into url"),
        ({"url": "postgres://acme.example", "password": "hunter2"}, "a credential is only referred to"),
        ({"url": "dns://acme.example", "server": "resolver.example"}, "does not appear to be an IPv4 or IPv6"),
        ({"url": "/", "matches": "("}, "not a regular expression"),
        ({"url": "/", "json": {"a[": 1}}, "is not a path"),
        ({"url": "/", "headers": {"Host": "x"}}, "cannot be sent"),
        ({"url": "/", "user": "ada"}, "user and password together"),
        ({"url": "tls://acme.example", "contains": "x"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_asked_is_told(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("[", r"\[")):
        KINDS[kind_of(keys)].section.model_validate(keys)


def test_a_check_in_one_line() -> None:
    keys = {"url": "/health", "json": {"status": "ok"}, "token": "secret:t", "latency": "2s"}
    assert HttpSection.model_validate(keys).said() == (
        "GET /health, every 1m, latency 2s, token 'secret:t', json {status = 'ok'}"
    )
    assert json.dumps(HttpSection.model_validate(keys).model_dump(mode="json", by_alias=True)).count('"json"') == 1
