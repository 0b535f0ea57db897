"""Work in portions beside an application: how long to rest after each, by what commits take meanwhile.

A canary commits next to nothing twenty times a second, as an application's writer would, and so knows what a commit
takes: first in a pause of three seconds, then beside the work. One that takes three times what they took makes rests
longer by a fifth; every other one makes them shorter by so little that about four in a thousand are slow. What was
written reaches the disk half a minute later, in floods, so neither a flood nor a calm while changes much at once.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from golive.postgres.partition.calm import BEHIND_SECONDS, lag_seconds
from golive.postgres.session import Connection
from golive.postgres.trouble import DatabaseTrouble

LONGEST_REST_SECONDS = 2.0
MOST_FACTOR = 12.0
LONGER, SHORTER = 1.2, 0.99927
FIRST_FACTOR = 6.0
SLOW_TIMES, LEAST_SLOW_MS = 3.0, 3.0  # as long as a kernel lets a process have a core that another waits for
EVERY_SECONDS, CALM_SECONDS = 0.05, 3.0
MOST_WAITS = 600
NOW = "SELECT extract(epoch FROM clock_timestamp()) * 1000"
# By the server's clock: what keeps this process busy is not what its writers wait for.
COMMIT = f"{NOW}; BEGIN; SELECT pg_logical_emit_message(true, 'golive', ''); COMMIT; {NOW}"


def slow_from(calm_ms: Sequence[float]) -> float:
    """From how many milliseconds on a commit is slow: three times what all but one of fifty took."""
    ordered = sorted(calm_ms)
    return max(SLOW_TIMES * ordered[int(len(ordered) * 0.98)], LEAST_SLOW_MS) if ordered else float("inf")


def factor_after(factor: float, commits_ms: Sequence[float], slow_ms: float, least: float) -> float:
    """How long to rest, as a multiple of the time that work took, after these commits."""
    for each in commits_ms:
        factor = max(min(factor * (LONGER if each > slow_ms else SHORTER), MOST_FACTOR), least)
    return factor


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
        self._samples: list[float] = []
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
        """What the commits since the last question took, in ms."""
        with self._lock:
            taken, self._samples = self._samples, []
        return taken

    def close(self) -> None:
        self._stops.set()
        self._thread.join(5)


class Pace:
    """Rests after each portion of work as long as it took, times a factor of at least `least`; 0 rests never.

    Also waits while a replica is more than `most_lag` seconds behind. To be closed.
    """

    def __init__(
        self, connection: Connection, least: float, tell: Callable[[str], None], most_lag: float = BEHIND_SECONDS
    ) -> None:
        self._connection, self._least, self._tell, self._most_lag = connection, least, tell, most_lag
        self._canary: Canary | None = None
        self._slow_ms = float("inf")
        self._looked = 0.0
        self.factor = max(least, FIRST_FACTOR) if least else 0.0

    def breathe(self, began: float, most: float = MOST_FACTOR) -> None:
        """After a portion that began then (monotonic), at most so many times as long as it took.

        Raises DatabaseTrouble when a replica stays behind.
        """
        now = time.monotonic()
        if self._canary is not None:
            self.factor = factor_after(self.factor, self._canary.taken(), self._slow_ms, self._least)
        elif self._least:
            self._get_to_know()
        time.sleep(min((now - began) * min(self.factor, max(most, self._least)), LONGEST_REST_SECONDS))
        if now - self._looked < 1:
            return
        for _ in range(MOST_WAITS):
            self._looked = time.monotonic()
            lag = lag_seconds(self._connection)
            if lag <= self._most_lag:
                return
            self._tell(f"waits for a replica that is {lag:.0f} s behind")
            time.sleep(1)
        raise DatabaseTrouble("A replica stays too far behind; run it again when it has caught up, it goes on.")

    def _get_to_know(self) -> None:
        """What commits take while nothing is at work: for three seconds, after the first portion."""
        self._canary = Canary(self._connection)
        time.sleep(CALM_SECONDS)
        self._slow_ms = slow_from(self._canary.taken())

    def close(self) -> None:
        if self._canary is not None:
            self._canary.close()
            self._canary = None
