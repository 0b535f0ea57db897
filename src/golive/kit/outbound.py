"""HTTP over safe connections, for addresses that users give: probes, webhooks.

Redirects are judged again. Time, body and decompressed size are bounded, and the phases of a request are measured.
"""

import asyncio
import base64
import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpcore
import httpx

from golive.kit.connections import (
    USUAL,
    Clock,
    Fault,
    Guard,
    Limits,
    OutboundError,
    Phases,
    Policy,
    Resolver,
    bounded,
    expiry,
    system_resolver,
    tls_context,
)

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?\]?")
_REDIRECTS = {301, 302, 303, 307, 308}
_SECRET = ("authorization", "cookie", "proxy-authorization")


@dataclass(frozen=True)
class Answer:
    """A response. `body` is decompressed and holds at most the limit; `truncated` says that there was more.

    `certificate_until` is when the server's certificate expires; None without TLS.
    """

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    address: str
    redirects: int
    phases: Phases
    certificate_until: datetime | None = None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the judged address, whatever host the request names (that still goes into Host and SNI)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return await self.backend.connect_tcp(self.address, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self.backend.sleep(seconds)


async def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    limits: Limits = USUAL,
    policy: Policy | None = None,
    resolver: Resolver = system_resolver,
    verify: bool = True,
    private: Collection[str] = (),
    basic: tuple[str, str] | None = None,
) -> Answer:
    """Ask an address and follow its redirects. Raises OutboundError within `limits.total`, whatever the server does.

    `verify=False` accepts any certificate. Headers named in `private` carry secrets: like Authorization and Cookie
    they are not sent on to another origin.
    """
    clock = Clock()
    async with bounded(limits, clock):
        guard = Guard(policy or Policy.from_environment(), resolver, clock)
        call = _Call(guard, limits, clock, verify, {*_SECRET, *(name.lower() for name in private)})
        sent = dict(headers or {})
        if basic is not None:
            sent["authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
        return await call.follow(_parsed(url), method, sent, content)


def fetch_blocking(url: str, **options: Any) -> Answer:
    """`fetch` for synchronous code that has no event loop."""
    return asyncio.run(fetch(url, **options))


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise OutboundError(Fault.INPUT, f"{url!r} is not a URL: {error}") from error
    if parsed.scheme not in ("http", "https"):
        raise OutboundError(Fault.INPUT, f"only http and https can be asked, not {parsed.scheme or 'a bare path'!r}")
    if not _HOST.fullmatch(parsed.raw_host.decode("ascii")):
        raise OutboundError(Fault.INPUT, f"{url!r} names no host")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise OutboundError(Fault.INPUT, f"{parsed.port} is no port")
    return parsed


@dataclass
class _Call:
    guard: Guard
    limits: Limits
    clock: Clock
    verify: bool
    private: Collection[str]

    async def follow(self, url: httpx.URL, method: str, headers: dict[str, str], content: bytes) -> Answer:
        for hop in range(self.limits.redirects + 1):
            answer = await self._hop(url, method, headers, content, hop)
            target = answer.header("location")
            if answer.status not in _REDIRECTS or not target or self.limits.redirects == 0:
                return answer
            try:
                following = _parsed(str(url.join(target)))
            except (httpx.InvalidURL, ValueError) as error:
                raise OutboundError(Fault.TARGET, f"it redirects to {target!r}, which is not a URL") from error
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, content = "GET", b""
            if (following.scheme, following.host, following.port) != (url.scheme, url.host, url.port):
                headers = {key: value for key, value in headers.items() if key.lower() not in self.private}
            url = following
        raise OutboundError(Fault.TARGET, f"it redirects more than {self.limits.redirects} times")

    async def _hop(self, url: httpx.URL, method: str, headers: dict[str, str], content: bytes, hop: int) -> Answer:
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self.guard.addresses(url.raw_host.decode("ascii"), port)
        patience = self.limits.total.total_seconds() / len(addresses)
        for left, address in enumerate(addresses, 1 - len(addresses)):
            origin = httpcore.Origin(url.raw_scheme, url.raw_host, port)
            connection = httpcore.AsyncHTTPConnection(
                origin,
                ssl_context=tls_context(self.verify) if url.scheme == "https" else None,
                network_backend=_Pinned(address),
                keepalive_expiry=0,
            )
            request = httpcore.Request(
                method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=port, target=url.raw_path),
                headers=_wire_headers(url, headers, content),
                content=content,
                extensions={"trace": self.clock.trace, "timeout": {"connect": patience}},
            )
            try:
                response = await connection.handle_async_request(request)
                network = response.extensions["network_stream"]
                expires = expiry(network.get_extra_info("ssl_object")) if url.scheme == "https" else None
                body, truncated = await self._body(response)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 0:
                    raise
                continue
            finally:
                await connection.aclose()
            pairs = tuple((key.decode("latin-1"), value.decode("latin-1")) for key, value in response.headers)
            return Answer(str(url), response.status, pairs, body, truncated, address, hop, self.clock.phases(), expires)
        raise AssertionError("there is at least one address")

    async def _body(self, response: httpcore.Response) -> tuple[bytes, bool]:
        """At most the limit's bytes, decompressed no further than that."""
        headers = {key.lower(): value.lower() for key, value in response.headers}
        zipped = headers.get(b"content-encoding", b"") in (b"gzip", b"x-gzip", b"deflate")
        inflater = zlib.decompressobj(wbits=47) if zipped else None
        body, limit = bytearray(), self.limits.body_bytes
        async for chunk in response.aiter_stream():
            try:
                body += inflater.decompress(chunk, max_length=limit + 1 - len(body)) if inflater else chunk
            except zlib.error as error:
                raise OutboundError(Fault.TARGET, "its body is not what its Content-Encoding says") from error
            if len(body) > limit:
                return bytes(body[:limit]), True
        return bytes(body), False


def _wire_headers(url: httpx.URL, headers: Mapping[str, str], content: bytes) -> list[tuple[bytes, bytes]]:
    wire = {"host": url.netloc.decode("ascii"), "accept": "*/*", "accept-encoding": "gzip", "connection": "close"}
    if url.userinfo:
        wire["authorization"] = "Basic " + base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    if content:
        wire["content-length"] = str(len(content))
    wire |= {key.lower(): value for key, value in headers.items()}
    try:
        return [(key.encode("ascii"), value.encode("utf-8")) for key, value in wire.items()]
    except UnicodeError as error:
        raise OutboundError(Fault.INPUT, "a header's name is not ASCII") from error
