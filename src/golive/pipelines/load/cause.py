"""What gave way: from errors, pools, the database and processors while a target was broken. Pure; unknown is said."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FULL = 0.95
MOSTLY = 0.5
_SAID = (
    (re.compile(r"QueuePool limit|pool.{0,40}(exhaust|timed? ?out|timeout)|PoolTimeout", re.I), "connection pool"),
    (
        re.compile(r"too many (clients|connections)|remaining connection slots|max_connections", re.I),
        "database connections",
    ),
    (re.compile(r"deadlock detected|lock (wait )?timeout|could not obtain lock", re.I), "database locks"),
    (re.compile(r"statement timeout|canceling statement", re.I), "slow statements"),
    (re.compile(r"too many open files|EMFILE", re.I), "open files"),
    (re.compile(r"out of memory|MemoryError|\bOOM\b", re.I), "memory"),
)


@dataclass(frozen=True)
class Database:
    """The most that was seen at once in PostgreSQL."""

    connections: int = 0
    allowed: int = 0
    waiting_for_locks: int = 0
    active: int = 0


@dataclass(frozen=True)
class Evidence:
    """What was measured beside the answers while a target was broken; None and empty mean not known."""

    errors: Mapping[str, int] = field(default_factory=dict)  # "Type: message" -> events, from telemetry
    pools: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # name -> connections used, allowed
    database: Database | None = None
    processors: float | None = None  # the share of all cores in use on the product's machine
    idle: float | None = None  # the share in use before the test began
    generator: float = 0.0  # the share of all cores that the load generator took of it
    statuses: Mapping[str, int] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)  # what the generator's connections said


@dataclass(frozen=True)
class Cause:
    """In a word or two, and what it is concluded from."""

    name: str
    reason: str

    @property
    def known(self) -> bool:
        return self.name != UNKNOWN


UNKNOWN = "cause unknown"


def cause(seen: Evidence) -> Cause:
    """The likeliest cause: what the product itself said first, then what was full, then what was busy."""
    for text, events in sorted(seen.errors.items(), key=lambda one: -one[1]):
        for pattern, name in _SAID:
            if pattern.search(text):
                return Cause(name, f"{events} errors say {text[:160]!r}")
    full = {name: (used, most) for name, (used, most) in seen.pools.items() if most and used / most >= FULL}
    if full:
        name, (used, most) = max(full.items(), key=lambda one: one[1][0] / one[1][1])
        return Cause("connection pool", f"{used:.0f} of {most:.0f} connections of {name} are in use")
    if base := _database(seen.database):
        return base
    answered = sum(seen.statuses.values())
    if answered and seen.statuses.get("429", 0) / answered > MOSTLY / 10:
        return Cause("rate limit", f"{seen.statuses['429']} of {answered} answers are 429 Too Many Requests")
    if lost := _lost(seen.messages, answered):
        return lost
    if seen.processors is not None and seen.processors >= FULL:
        if (seen.idle or 0.0) > MOSTLY:
            return Cause(UNKNOWN, f"this machine was {seen.idle:.0%} busy before the test began")
        beside = f", {seen.generator:.0%} of them by the load generator" if seen.generator >= 0.05 else ""
        return Cause("processors", f"{seen.processors:.0%} of all cores are in use{beside}")
    return Cause(UNKNOWN, _not_seen(seen))


def _database(seen: Database | None) -> Cause | None:
    if seen is None:
        return None
    if seen.allowed and seen.connections / seen.allowed >= FULL:
        return Cause("database connections", f"{seen.connections} of {seen.allowed} are in use")
    if seen.active >= 2 and seen.waiting_for_locks >= MOSTLY * seen.active:
        return Cause("database locks", f"{seen.waiting_for_locks} of {seen.active} statements wait for a lock")
    return None


def _lost(messages: Mapping[str, int], answered: int) -> Cause | None:
    refused = sum(
        count for text, count in messages.items() if re.search(r"refused|reset|aborted|disconnect", text, re.I)
    )
    if refused and refused > MOSTLY * answered:
        return Cause("no free process", f"{refused} connections were refused or dropped")
    return None


def _not_seen(seen: Evidence) -> str:
    """Why nothing could be concluded, so that it can be next time."""
    missing: Sequence[str] = [
        said
        for said, there in (
            ("errors", seen.errors),
            ("pool metrics (db.client.connections.usage)", seen.pools),
            ("the database", seen.database),
            ("the machine", seen.processors is not None),
        )
        if not there
    ]
    return (
        f"nothing was seen of {', '.join(missing)}"
        if missing
        else "neither errors, pools, database nor processors tell"
    )
