"""WebSocket: does the server agree to one?"""

import base64
import hashlib
import secrets
from typing import Literal
from urllib.parse import urlsplit

from golive.checks.kind import Asking, Kind, Placed, Seen, place
from golive.config.values import Resolved
from golive.kit.connections import connect

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class WebsocketSection(Placed):
    """One WebSocket check: the opening handshake."""

    kind: Literal["websocket"] = "websocket"
    """"websocket"."""
    url: Resolved
    """The address: "wss://acme.example/live"."""


async def ask(wanted: WebsocketSection, asking: Asking) -> Seen:
    """The handshake of RFC 6455, then a farewell."""
    tls = asking.url.startswith("wss:")
    host, port = place(asking.url, 443 if tls else 80)
    parts = urlsplit(asking.url)
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {path} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", "Connection: Upgrade"]
    lines += ["Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    lines += [f"{name}: {value}" for name, value in asking.headers.items()]
    async with connect(host, port, tls=tls, limits=asking.limits, policy=asking.policy) as stream:
        await stream.send("\r\n".join([*lines, "", ""]).encode())
        head = (await stream.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        accepted = base64.b64encode(hashlib.sha1(f"{key}{_MAGIC}".encode(), usedforsecurity=False).digest()).decode()
        status = head[0].split(" ")[1] if head[0].count(" ") else ""
        given = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        number = int(status) if status.isdecimal() and len(status) == 3 else 0
        if number != 101:
            return Seen(False, f"answered {head[0][:80]!r}, not 101", stream.phases(), number)
        if given.get("sec-websocket-accept") != accepted:
            return Seen(False, "its handshake is not that of a WebSocket", stream.phases(), number)
        await stream.send(b"\x88\x80" + secrets.token_bytes(4))  # a masked close frame
        return Seen(True, "opens a WebSocket", stream.phases(), number)


KIND = Kind("websocket", WebsocketSection, ask, ("ws", "wss"))
