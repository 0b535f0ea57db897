"""ICMP: does the host answer pings?"""

import asyncio
import ipaddress
import os
import socket
import struct
import time
from typing import Literal

from pydantic import Field

from golive.checks.kind import Asking, Kind, Placed, Seen, place
from golive.config.values import Resolved
from golive.kit.connections import Fault, OutboundError, Phases, judged

_ECHO, _REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
_PERMIT = "as root run: sysctl net.ipv4.ping_group_range='0 2147483647'"


class IcmpSection(Placed):
    """One ping: does the host answer, and does it lose few packets?"""

    kind: Literal["icmp"] = "icmp"
    """"icmp"."""
    url: Resolved
    """The host: "icmp://gateway.acme.example"."""
    packets: int = Field(default=3, ge=1, le=20)
    """How many packets to send."""
    lost: int = Field(default=2, ge=0, le=19)
    """How many of them may be lost."""


async def ask(wanted: IcmpSection, asking: Asking) -> Seen:
    """Send the packets one after the other, and stop as soon as the answer is clear."""
    host, _ = place(asking.url)
    found, phases = await judged(host, 0, limits=asking.limits, policy=asking.policy)
    address = ipaddress.ip_address(found[0].partition("%")[0])
    patience = asking.limits.total.total_seconds() / wanted.packets
    times: list[float] = []
    with _socket(address.version) as (sock, raw):
        for number in range(wanted.packets):
            took = await _echo(sock, raw, str(address), address.version, number, patience)
            times += [took] if took is not None else []
    lost = wanted.packets - len(times)
    best = min(times, default=0.0)
    seen = Phases(dns_ms=phases.dns_ms, first_byte_ms=best or None, total_ms=(phases.dns_ms or 0.0) + best)
    if not times:
        raise OutboundError(Fault.TARGET, f"none of {wanted.packets} pings was answered", seen)
    if lost > wanted.lost:
        return Seen(False, f"lost {lost} of {wanted.packets} pings", seen)
    return Seen(True, f"answered {len(times)} of {wanted.packets} pings in {best:.1f} ms", seen)


class _socket:
    """A socket for pings: the unprivileged kind where the system allows it, else a raw one."""

    def __init__(self, version: int) -> None:
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        protocol = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
        try:
            self.socket, self.raw = socket.socket(family, socket.SOCK_DGRAM, protocol), False
        except PermissionError:
            try:
                self.socket, self.raw = socket.socket(family, socket.SOCK_RAW, protocol), True
            except PermissionError as error:
                raise OutboundError(Fault.OURS, f"this machine may not send pings; {_PERMIT}") from error
        self.socket.setblocking(False)

    def __enter__(self) -> tuple[socket.socket, bool]:
        return self.socket, self.raw

    def __exit__(self, *_: object) -> None:
        self.socket.close()


async def _echo(
    sock: socket.socket, raw: bool, address: str, version: int, number: int, patience: float
) -> float | None:
    """One packet and its answer; milliseconds, or None when it is lost."""
    loop = asyncio.get_running_loop()
    mark = os.urandom(16)
    began = time.perf_counter()
    try:
        await loop.sock_sendto(sock, packet(version, number, mark), (address, 0))
    except OSError as error:
        raise OutboundError(Fault.OURS, f"the ping could not be sent ({error.strerror})") from error
    try:
        async with asyncio.timeout(patience):
            while True:
                data = await loop.sock_recv(sock, 2048)
                if is_reply(data, version, mark, raw=raw):
                    return (time.perf_counter() - began) * 1000
    except (TimeoutError, OSError):
        return None


def packet(version: int, number: int, mark: bytes) -> bytes:
    """An echo request; the mark is what tells its answer from others'."""
    head = struct.pack("!BBHHH", _ECHO[version], 0, 0, os.getpid() & 0xFFFF, number)
    total = checksum(head + mark) if version == 4 else 0  # the kernel fills in that of IPv6
    return struct.pack("!BBHHH", _ECHO[version], 0, total, os.getpid() & 0xFFFF, number) + mark


def checksum(data: bytes) -> int:
    """The internet checksum of RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def is_reply(data: bytes, version: int, mark: bytes, *, raw: bool) -> bool:
    """Whether a datagram answers the request with this mark. Raw IPv4 sockets put the IP header in front."""
    body = data[(data[0] & 15) * 4 :] if raw and version == 4 and data else data
    return len(body) >= 8 + len(mark) and body[0] == _REPLY[version] and body[8 : 8 + len(mark)] == mark


KIND = Kind("icmp", IcmpSection, ask, ("icmp", "ping"))
