"""Short locks: a statement waits at most a moment for its lock, gives way, and tries again after a random while.

A statement that waits for a lock makes everybody after it wait too, so the wait is what has to be short.
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import psycopg
from psycopg import sql

from golive.postgres.session import Connection, Statement
from golive.postgres.trouble import DatabaseTrouble

WAIT = timedelta(milliseconds=100)
TRIES = 100


class NoLock(DatabaseTrouble):
    """A lock was not to be had; nothing has changed."""


@dataclass(frozen=True)
class Held:
    """How long a lock was waited for at the last try, how long it was then held, and how often it was tried.

    With a witness `held_ms` ends when another session got the lock; without one when the server answered the commit,
    which is later: the files of dropped indexes are unlinked after the locks are given back.
    """

    waited_ms: float
    held_ms: float
    tries: int


def pause(attempt: int, chance: float) -> float:
    """Seconds until the next try: growing, up to 2 s, never in step with others. `chance` is between 0 and 1."""
    return float(min(0.05 * 1.5**attempt, 2.0) * (0.5 + chance))


class Witness:
    """A session of its own that waits for a reader's lock on a table, and so knows when the writer gave it back."""

    def __init__(self, connection: Connection, table: sql.Identifier) -> None:
        self._table = table
        self._reader = psycopg.connect(
            connection.info.dsn, password=connection.info.password or None, autocommit=True, application_name="golive"
        )
        self._waits: threading.Thread | None = None
        self._at: float | None = None

    def wait_for_lock(self) -> None:
        """Begin to wait, just before the commit. A try before this one that was given up no longer counts."""
        self._at = None
        self._waits = threading.Thread(target=self._read, daemon=True)
        self._waits.start()

    def _read(self) -> None:
        with contextlib.suppress(psycopg.Error), self._reader.transaction():
            self._reader.execute("SET LOCAL lock_timeout = '10s'")
            self._reader.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(self._table))
            self._at = time.monotonic()

    def saw(self) -> float | None:
        """When it got the lock, by the monotonic clock; None when it never did."""
        if self._waits is not None:
            self._waits.join(15)
        return self._at

    def close(self) -> None:
        self._reader.close()


def briefly(
    connection: Connection,
    work: Callable[[], None],
    what: str,
    *,
    lock: Statement | None = None,
    witness: Witness | None = None,
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
                if witness is not None:
                    witness.wait_for_lock()
            answered = time.monotonic()
            released = witness.saw() if witness is not None else None
            return Held((got - began) * 1000, ((released or answered) - got) * 1000, attempt + 1)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(pause(attempt, random.random()))  # noqa: S311
    raise NoLock(
        f"{what} could not get its lock in {tries} tries: something holds the table for long. `golive db look locks` "
        "shows who; nothing has changed."
    )


@contextlib.contextmanager
def patiently(connection: Connection) -> Iterator[None]:
    """For what makes nobody wait while it waits itself, such as building an index concurrently."""
    connection.execute("SET lock_timeout = '10min'")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("RESET lock_timeout")


def gently(connection: Connection) -> None:
    """Long work with one core at most, less of the log, and pages that go to the disk soon instead of in a flood.

    Compressing pages in the log is a superuser's right, and left out without it; so is flushing where a platform
    cannot.
    """
    connection.execute("SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0")
    connection.execute("SET vacuum_cost_delay = '2ms'")  # of ANALYZE, as autovacuum has it
    for setting in ("SET wal_compression = on", "SET backend_flush_after = '256kB'"):
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
            connection.execute(setting)


def analyze(connection: Connection, table: sql.Identifier) -> str:
    """Statistics for a table made anew; a note when autovacuum is in the way."""
    statement = sql.SQL("ANALYZE {}").format(table)
    try:
        briefly(connection, run(connection, [statement]), "ANALYZE", tries=20)
    except NoLock:
        return f"statistics could not be taken: {statement.as_string()}"
    return ""


def run(connection: Connection, statements: Sequence[Statement]) -> Callable[[], None]:
    """Work that runs statements in their order."""

    def work() -> None:
        for statement in statements:
            connection.execute(statement)

    return work


def as_text(statements: Sequence[Statement]) -> list[str]:
    """Statements for people to read."""
    return [each.as_string() if isinstance(each, sql.Composable) else str(each) for each in statements]
