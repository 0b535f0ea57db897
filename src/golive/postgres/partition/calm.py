"""What commits take beside long work, and whether a server is again as calm as it was before.

A canary commits next to nothing twenty times a second, as an application's writer would: first for three seconds
before the work, which tells what is slow from then on. Before version 17 a new index goes to the disk all at once, and
every commit waits behind it; a lock taken just then would be held as long.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from golive.postgres.session import Connection, one

SLOW_TIMES, LEAST_SLOW_MS = 3.0, 3.0  # as long as a kernel lets a process have a core that another waits for
EVERY_SECONDS, CALM_SECONDS = 0.05, 3.0
LOOK_SECONDS, LONGEST_SECONDS = 1.0, 60.0
BEHIND_SECONDS = 5.0
MOST_SAMPLES = 10_000
NOW = "SELECT extract(epoch FROM clock_timestamp()) * 1000"
# By the server's clock: what keeps this process busy is not what its writers wait for.
COMMIT = f"{NOW}; BEGIN; SELECT pg_logical_emit_message(true, 'golive', ''); COMMIT; {NOW}"


def lag_seconds(connection: Connection) -> float:
    """How far the replica that is furthest behind is, 0 without any."""
    return float(
        one(
            connection,
            "SELECT COALESCE(max(EXTRACT(epoch FROM replay_lag)), 0)::float8 AS lag FROM pg_stat_replication",
        )["lag"]
    )


def slow_from(calm_ms: Sequence[float]) -> float:
    """From how many milliseconds on a commit is slow: three times what all but one of twenty took."""
    ordered = sorted(calm_ms)
    return max(SLOW_TIMES * ordered[int(len(ordered) * 0.95)], LEAST_SLOW_MS) if ordered else float("inf")


def unrest(commits_ms: Sequence[float], slow_ms: float, lag: float) -> str:
    """What is not as before, in words; nothing when all is."""
    if (slowest := max(commits_ms, default=0.0)) > slow_ms:
        return f"commits take up to {slowest:.0f} ms; before the work, more than {slow_ms:.0f} ms would have been slow"
    if lag > BEHIND_SECONDS:
        return f"a replica is {lag:.0f} s behind"
    return ""


def _first_and_last(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The rows of the first and the last of several statements."""
    first = last = cursor.fetchone() or ()
    while cursor.nextset():
        if cursor.description is not None:
            last = cursor.fetchone() or ()
    return first, last


class Canary:
    """A session of its own that commits all the time. Without a connection to be had it knows nothing."""

    def __init__(self, connection: Connection) -> None:
        self._samples: deque[float] = deque(maxlen=MOST_SAMPLES)
        self._lock, self._stops = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._dsn, self._password = connection.info.dsn, connection.info.password or None
        self._thread.start()

    def _work(self) -> None:
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self._dsn, password=self._password, autocommit=True, application_name="golive") as session,
        ):
            while not self._stops.wait(EVERY_SECONDS):
                began, ended = (float(row[0]) for row in _first_and_last(session.execute(COMMIT)))
                with self._lock:
                    self._samples.append(ended - began)

    def taken(self) -> list[float]:
        """What the commits since the last question took, in ms: the newest, when nobody has asked for minutes."""
        with self._lock:
            taken = list(self._samples)
            self._samples.clear()
        return taken

    def close(self) -> None:
        self._stops.set()
        self._thread.join(5)


class Calm:
    """Knows what commits took before the work, looked at for three seconds, so that it can be told and waited for.

    To be closed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._canary = Canary(connection)
        time.sleep(CALM_SECONDS)
        self.slow_ms = slow_from(self.taken())

    def taken(self) -> list[float]:
        """What commits since the last question took, in ms."""
        return self._canary.taken()

    def wait(self, tell: Callable[[str], None]) -> str:
        """Until it is as before; after LONGEST_SECONDS what is not yet, for the notes."""
        end = time.monotonic() + LONGEST_SECONDS
        self.taken()
        while why := self._unrest():
            if time.monotonic() > end:
                return f"the swap did not wait any longer: {why}"
            tell(f"waits: {why}")
        return ""

    def _unrest(self) -> str:
        time.sleep(LOOK_SECONDS)
        return unrest(self.taken(), self.slow_ms, lag_seconds(self._connection))

    def close(self) -> None:
        self._canary.close()
