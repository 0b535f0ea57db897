"""PostgreSQL: does it accept connections, and answer a query if golive may log in?"""

import asyncio
import struct
import time
from dataclasses import replace
from typing import Literal
from urllib.parse import unquote, urlsplit

import psycopg

from golive.checks.kind import Asking, Kind, Placed, Reference, Seen, place
from golive.config.values import Resolved
from golive.kit.connections import Fault, OutboundError, connect, judged

_VERSION = 196608  # protocol 3.0
_LONGEST = 64 * 1024


class PostgresSection(Placed):
    """One PostgreSQL check: it accepts a connection; with a password it also answers `SELECT 1`."""

    kind: Literal["postgres"] = "postgres"
    """"postgres"."""
    url: Resolved
    """The server: "postgres://db.acme.example:5432", or "postgres://USER@db.acme.example/DATABASE"."""
    password: Reference = ""
    """A reference to the password of the user; without one golive asks as far as the question for the password."""

    def references(self) -> dict[str, str]:
        return {"password": self.password} if self.password else {}


async def ask(wanted: PostgresSection, asking: Asking) -> Seen:
    """Knock, or log in and ask."""
    return await (_log_in(asking) if wanted.password else _knock(asking))


async def _knock(asking: Asking) -> Seen:
    """Introduce ourselves as a client does, and see what the server says to that: `pg_isready` by hand."""
    host, port = place(asking.url, 5432)
    user, database = _who(asking.url)
    words = ["user", user, "database", database, "application_name", "golive-probe", ""]
    hello = struct.pack("!i", _VERSION) + b"".join(word.encode() + b"\0" for word in words)
    async with connect(host, port, limits=asking.limits, policy=asking.policy) as stream:
        await stream.send(struct.pack("!i", len(hello) + 4) + hello)
        kind, length = struct.unpack("!ci", await stream.exactly(5))
        if kind not in (b"R", b"E") or not 4 <= length <= _LONGEST:
            return Seen(False, "it does not speak PostgreSQL's protocol", stream.phases())
        if kind == b"R":
            return Seen(True, "accepts connections", stream.phases())
        fields = _fields(await stream.exactly(length - 4))
        said = fields.get("M", "an error without a message")[:120]
        known = fields.get("C", "")[:2] in ("28", "3D")  # who we are, not how it is
        return Seen(known, f"{'accepts connections' if known else 'refuses'}: {said}", stream.phases())


def _fields(message: bytes) -> dict[str, str]:
    """The fields of an error message by their letter."""
    parts = message.decode("utf-8", "replace").split("\0")
    return {part[0]: part[1:] for part in parts if part}


async def _log_in(asking: Asking) -> Seen:
    """Log in and ask the smallest question. The driver is given the judged address, so it resolves nothing itself."""
    host, port = place(asking.url, 5432)
    user, database = _who(asking.url)
    began = time.perf_counter()
    addresses, phases = await judged(host, port, limits=asking.limits, policy=asking.policy)
    try:
        async with asyncio.timeout(asking.limits.total.total_seconds() - (time.perf_counter() - began)):
            connection = await psycopg.AsyncConnection.connect(
                host=host,
                hostaddr=addresses[0],
                port=port,
                user=user,
                password=asking.secrets["password"],
                dbname=database,
                application_name="golive-probe",
                autocommit=True,
            )
            async with connection:
                connected = (time.perf_counter() - began) * 1000
                await connection.execute("SELECT 1")
    except TimeoutError as error:
        raise OutboundError(Fault.TARGET, "no answer to SELECT 1 in time", phases) from error
    except psycopg.Error as error:
        raise OutboundError(Fault.TARGET, f"cannot be asked ({str(error).splitlines()[0][:200]})", phases) from error
    total = (time.perf_counter() - began) * 1000
    took = replace(phases, connect_ms=connected - (phases.dns_ms or 0), first_byte_ms=total - connected, total_ms=total)
    return Seen(True, "answers SELECT 1", took)


def _who(url: str) -> tuple[str, str]:
    """User and database of a URL."""
    parts = urlsplit(url)
    user = unquote(parts.username or "postgres")
    return user, unquote(parts.path.strip("/")) or user


KIND = Kind("postgres", PostgresSection, ask, ("postgres", "postgresql"))
