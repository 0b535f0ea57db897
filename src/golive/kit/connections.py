"""Safe outbound connections, for addresses that users give: which may be asked, in how much time.

A name is resolved once for each hop and the connection goes to the address that was judged, so a name that answers
differently the second time (DNS rebinding) gains nothing. Private, loopback, link-local and metadata addresses are
refused unless the operator lists them in GOLIVE_ALLOW_PRIVATE ("127.0.0.0/8,10.0.0.0/8").
"""

import asyncio
import errno
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import httpcore
import httpx
from cryptography import x509

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[list[str]]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OUR_NETWORK = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
    errno.ENETUNREACH,
    errno.ENETDOWN,
    errno.EADDRNOTAVAIL,
}
_MOST_ADDRESSES = 3
_SOME = 65536
_names = ThreadPoolExecutor(max_workers=32, thread_name_prefix="names")  # getaddrinfo blocks


class Fault(StrEnum):
    """Whose fault it is that there is no answer."""

    TARGET = "target"  # refused, reset, timed out, not HTTP, certificate not valid, name does not exist
    OURS = "ours"  # our network, resolver or machine: says nothing about the target
    REFUSED = "refused"  # the address is one that may not be asked
    INPUT = "input"  # the URL is not one that can be asked


@dataclass(frozen=True)
class Phases:
    """How long each phase took, in milliseconds, summed over redirects; None when it was not reached."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float = 0.0


class OutboundError(Exception):
    """No answer; the message is one clause that fits behind a colon."""

    def __init__(self, fault: Fault, message: str, phases: Phases | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.phases = phases or Phases()


@dataclass(frozen=True)
class Limits:
    """What one call may cost in all, redirects included."""

    total: timedelta = timedelta(seconds=10)
    body_bytes: int = 1 << 20
    redirects: int = 5

    def with_redirects(self, most: int) -> "Limits":
        return replace(self, redirects=most)


USUAL = Limits()


@dataclass(frozen=True)
class Policy:
    """Which addresses may be asked: public ones, and the networks that the operator allows."""

    allowed: tuple[Network, ...] = ()

    @staticmethod
    def from_environment() -> "Policy":
        return _policy(os.environ.get("GOLIVE_ALLOW_PRIVATE", ""))

    def permits(self, address: Address) -> bool:
        """Whether an address may be asked; one that carries an IPv4 address inside is judged by that."""
        if any(address.version == network.version and address in network for network in self.allowed):
            return True
        inner = _inner(address)
        if inner is not None:
            return self.permits(inner)
        return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


@cache
def _policy(text: str) -> Policy:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        return Policy(tuple(ipaddress.ip_network(part, strict=False) for part in parts))
    except ValueError as error:
        raise ValueError(f"GOLIVE_ALLOW_PRIVATE: {error}; write it like 10.0.0.0/8,127.0.0.0/8") from error


def _inner(address: Address) -> Address | None:
    """The IPv4 address inside a mapped, 6to4, Teredo or NAT64 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


async def system_resolver(host: str, port: int) -> list[str]:
    """The machine's resolver, in threads of its own."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_names, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def tls_context(verify: bool = True, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    context = httpx.create_ssl_context(verify=verify)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def expiry(tls: Any) -> datetime | None:
    """When the certificate that the other side showed expires; also of one that was not verified."""
    shown = tls.getpeercert(binary_form=True) if tls is not None else None
    try:
        return x509.load_der_x509_certificate(shown).not_valid_after_utc if shown else None
    except ValueError:
        return None


@dataclass
class Clock:
    """Sums the phases of a call as it goes."""

    began: float = field(default_factory=time.perf_counter)
    spent: dict[str, float] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)

    def start(self, phase: str) -> None:
        self.running[phase] = time.perf_counter()

    def end(self, phase: str) -> None:
        begun = self.running.pop(phase, None)
        if begun is not None:
            self.spent[phase] = self.spent.get(phase, 0.0) + (time.perf_counter() - begun) * 1000

    def phases(self) -> Phases:
        return Phases(**self.spent, total_ms=(time.perf_counter() - self.began) * 1000)

    async def trace(self, event: str, _: Mapping[str, Any]) -> None:
        """httpcore's trace extension."""
        match event:
            case "connection.connect_tcp.started":
                self.start("connect_ms")
            case "connection.connect_tcp.complete":
                self.end("connect_ms")
            case "connection.start_tls.started":
                self.start("tls_ms")
            case "connection.start_tls.complete":
                self.end("tls_ms")
            case "http11.send_request_headers.started":
                self.start("first_byte_ms")
            case "http11.receive_response_headers.complete":
                self.end("first_byte_ms")


@dataclass
class Stream:
    """An open connection to a judged address. What goes wrong with it is told by the `connect` around it."""

    host: str
    address: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    clock: Clock

    async def send(self, data: bytes) -> None:
        self.clock.start("first_byte_ms")
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, end: bytes = b"\n") -> bytes:
        """What arrives up to and with `end`."""
        try:
            found = await self.reader.readuntil(end)
        except asyncio.LimitOverrunError as error:
            raise OutboundError(Fault.TARGET, "it sends more than it should") from error
        self.clock.end("first_byte_ms")
        return found

    async def exactly(self, count: int) -> bytes:
        """The next `count` bytes."""
        found = await self.reader.readexactly(count)
        self.clock.end("first_byte_ms")
        return found

    async def some(self) -> bytes:
        """Whatever arrives next."""
        found = await self.reader.read(_SOME)
        if not found:
            raise OutboundError(Fault.TARGET, "it closed the connection")
        self.clock.end("first_byte_ms")
        return found

    async def rest(self, most: int = 1 << 20) -> bytes:
        """All that arrives until the other side closes, at most so many bytes."""
        found = bytearray()
        while len(found) < most and (data := await self.reader.read(_SOME)):
            self.clock.end("first_byte_ms")
            found += data
        return bytes(found[:most])

    async def start_tls(self, *, verify: bool = True, alpn: tuple[str, ...] = ()) -> None:
        """Encrypt from here on, the way STARTTLS goes on; `alpn` names the protocols that may be spoken within."""
        self.clock.start("tls_ms")
        await self.writer.start_tls(tls_context(verify, alpn), server_hostname=self.host)
        self.clock.end("tls_ms")

    def phases(self) -> Phases:
        return self.clock.phases()

    def certificate_until(self) -> datetime | None:
        """When the other side's certificate expires; None without TLS."""
        return expiry(self.writer.get_extra_info("ssl_object"))


@asynccontextmanager
async def connect(
    host: str,
    port: int,
    *,
    tls: bool = False,
    verify: bool = True,
    alpn: tuple[str, ...] = (),
    limits: Limits = USUAL,
    policy: Policy | None = None,
    resolver: Resolver = system_resolver,
) -> AsyncIterator[Stream]:
    """A TCP connection, encrypted if asked, behind the same guard as `fetch`. All of the block must fit the limits.

    Raises OutboundError for whatever the other side does within the block.
    """
    clock = Clock()
    async with bounded(limits, clock):
        addresses = await Guard(policy or Policy.from_environment(), resolver, clock).addresses(host, port)
        stream = await _opened(host, port, addresses, clock, limits)
        try:
            if tls:
                await stream.start_tls(verify=verify, alpn=alpn)
            yield stream
        finally:
            stream.writer.transport.abort()  # no lingering for a close that the other side may never answer


async def judged(
    host: str, port: int, *, limits: Limits = USUAL, policy: Policy | None = None
) -> tuple[list[str], Phases]:
    """The addresses of a host that may be asked, for a client that connects by itself. Raises OutboundError."""
    clock = Clock()
    async with bounded(limits, clock):
        guard = Guard(policy or Policy.from_environment(), system_resolver, clock)
        return await guard.addresses(host, port), clock.phases()


async def _opened(host: str, port: int, addresses: list[str], clock: Clock, limits: Limits) -> Stream:
    """Connect to the first address that answers."""
    patience = limits.total.total_seconds() / len(addresses)
    for left, address in enumerate(addresses, 1 - len(addresses)):
        clock.start("connect_ms")
        try:
            async with asyncio.timeout(patience):
                reader, writer = await asyncio.open_connection(address, port)
        except OSError:  # a time-out is one too
            if left == 0:
                raise
            continue
        clock.end("connect_ms")
        return Stream(host, address, reader, writer, clock)
    raise AssertionError("there is at least one address")


@asynccontextmanager
async def bounded(limits: Limits, clock: Clock) -> AsyncIterator[None]:
    """End the block in time, and say in one family of errors what went wrong in it."""
    try:
        async with asyncio.timeout(limits.total.total_seconds()):
            yield
    except (TimeoutError, httpcore.ConnectTimeout):
        doing = "resolving its name" if "dns_ms" in clock.running else "waiting"
        fault = Fault.OURS if "dns_ms" in clock.running else Fault.TARGET
        message = f"no answer within {limits.total.total_seconds():g} s ({doing})"
        raise OutboundError(fault, message, clock.phases()) from None
    except OutboundError as error:
        error.phases = clock.phases()
        raise
    except asyncio.IncompleteReadError as error:
        raise OutboundError(Fault.TARGET, "it closed the connection", clock.phases()) from error
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise _explained(error, clock.phases()) from error


@dataclass
class Guard:
    """Turns a host into the addresses that may be asked."""

    policy: Policy
    resolver: Resolver
    clock: Clock

    async def addresses(self, host: str, port: int) -> list[str]:
        self.clock.start("dns_ms")
        try:
            found = await self.resolver(host.strip("[]"), port)
        except socket.gaierror as error:
            ours = error.errno in (socket.EAI_AGAIN, socket.EAI_MEMORY, socket.EAI_SYSTEM)
            why = "our resolver could not answer" if ours else "its name does not exist"
            raise OutboundError(Fault.OURS if ours else Fault.TARGET, f"{why} ({host})") from error
        except UnicodeError as error:
            raise OutboundError(Fault.INPUT, f"{host!r} is not a host name") from error
        self.clock.end("dns_ms")
        judged = [text for text in found if self.policy.permits(ipaddress.ip_address(text.partition("%")[0]))]
        if not judged:
            raise OutboundError(
                Fault.REFUSED,
                f"{host} is at {', '.join(found[:3]) or 'no address'}, which is private; "
                "an operator can allow it in GOLIVE_ALLOW_PRIVATE",
            )
        return judged[:_MOST_ADDRESSES]


def _explained(error: BaseException, phases: Phases) -> OutboundError:
    """Say in words what went wrong, and whose fault it is."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    numbers = {getattr(one, "errno", None) for one in causes}
    if numbers & _OUR_NETWORK:
        return OutboundError(Fault.OURS, f"our machine could not connect ({_text(causes)})", phases)
    certificate = next((one for one in causes if isinstance(one, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return OutboundError(Fault.TARGET, f"its certificate is not valid ({certificate.verify_message})", phases)
    if any(isinstance(one, ssl.SSLError) for one in causes):
        return OutboundError(Fault.TARGET, f"TLS failed ({_text(causes)})", phases)
    if errno.ECONNREFUSED in numbers:
        return OutboundError(Fault.TARGET, "connection refused", phases)
    if isinstance(error, httpcore.ConnectError):
        return OutboundError(Fault.TARGET, f"could not connect ({_text(causes)})", phases)
    if isinstance(error, httpcore.LocalProtocolError):
        return OutboundError(Fault.INPUT, f"the request is not valid HTTP ({error})", phases)
    if isinstance(error, httpcore.ProtocolError):
        return OutboundError(Fault.TARGET, f"it does not speak HTTP properly ({error})", phases)
    return OutboundError(Fault.TARGET, f"the connection broke ({_text(causes)})", phases)


def _text(causes: Iterable[BaseException]) -> str:
    return next((str(one) for one in reversed(list(causes)) if str(one)), "no reason given")
