"""Redis: does it answer PING?"""

from typing import Literal
from urllib.parse import unquote, urlsplit

from golive.checks.kind import Asking, Kind, Placed, Reference, Seen, place
from golive.config.values import Resolved
from golive.kit.connections import Stream, connect


class RedisSection(Placed):
    """One Redis check: PING, after logging in if there is a password."""

    kind: Literal["redis"] = "redis"
    """"redis"."""
    url: Resolved
    """The server: "redis://cache.acme.example:6379", "rediss://" for TLS; "redis://NAME@…" names the account."""
    password: Reference = ""
    """A reference to the password; without one a server that asks for a password counts as reachable."""

    def references(self) -> dict[str, str]:
        return {"password": self.password} if self.password else {}


async def ask(wanted: RedisSection, asking: Asking) -> Seen:
    """AUTH if there is a password, then PING."""
    tls = asking.url.startswith("rediss:")
    host, port = place(asking.url, 6379)
    async with connect(host, port, tls=tls, limits=asking.limits, policy=asking.policy) as stream:
        if wanted.password:
            account = unquote(urlsplit(asking.url).username or "default")
            said = await _command(stream, "AUTH", account, asking.secrets["password"])
            if said != "+OK":
                return Seen(False, f"refuses the password ({said[:80]})", stream.phases())
        said = await _command(stream, "PING")
        if said == "+PONG":
            return Seen(True, "answers PING", stream.phases())
        if said.startswith("-NOAUTH") and not wanted.password:
            return Seen(True, "answers, and asks for a password", stream.phases())
        return Seen(False, f"answers PING with {said[:120]!r}", stream.phases())


async def _command(stream: Stream, *words: str) -> str:
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    await stream.send(f"*{len(words)}\r\n{''.join(parts)}".encode())
    return (await stream.until(b"\r\n")).decode("utf-8", "replace").strip()


KIND = Kind("redis", RedisSection, ask, ("redis", "rediss"))
