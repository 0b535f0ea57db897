"""Short locks: a statement waits at most a moment for its lock, gives way, and tries again after a random while.

A statement that waits for a lock makes everybody after it wait too, so the wait is what has to be short.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import psycopg
from psycopg import sql

from golive.postgres.session import Connection, Statement
from golive.postgres.trouble import DatabaseTrouble

WAIT = timedelta(milliseconds=100)
TRIES = 100


@dataclass(frozen=True)
class Held:
    """How long a lock was waited for at the last try, how long it was then held, and how often it was tried."""

    waited_ms: float
    held_ms: float
    tries: int


def pause(attempt: int, chance: float) -> float:
    """Seconds until the next try: growing, up to 2 s, never in step with others. `chance` is between 0 and 1."""
    return float(min(0.05 * 1.5**attempt, 2.0) * (0.5 + chance))


def briefly(
    connection: Connection,
    work: Callable[[], None],
    what: str,
    *,
    lock: Statement | None = None,
    wait: timedelta = WAIT,
    tries: int = TRIES,
) -> Held:
    """Run `work` in one transaction whose locks are waited for only `wait` long. Raises DatabaseTrouble at last.

    What is `held` counts from when `lock` was got, or from the beginning without one.
    """
    for attempt in range(tries):
        began = time.monotonic()
        try:
            with connection.transaction():
                milliseconds = str(round(wait.total_seconds() * 1000))
                connection.execute("SELECT set_config('lock_timeout', %s, true)", [milliseconds])
                if lock is not None:
                    connection.execute(lock)
                got = time.monotonic()
                work()
            return Held((got - began) * 1000, (time.monotonic() - got) * 1000, attempt + 1)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(pause(attempt, random.random()))  # noqa: S311
    raise DatabaseTrouble(
        f"{what} could not get its lock in {tries} tries: something holds the table for long. `golive db look locks` "
        "shows who; nothing has changed."
    )


def run(connection: Connection, statements: Sequence[Statement]) -> Callable[[], None]:
    """Work that runs statements in their order."""

    def work() -> None:
        for statement in statements:
            connection.execute(statement)

    return work


def as_text(statements: Sequence[Statement]) -> list[str]:
    """Statements for people to read."""
    return [each.as_string() if isinstance(each, sql.Composable) else str(each) for each in statements]
