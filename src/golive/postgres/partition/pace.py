"""Work in portions beside an application: how long to rest after each, by what commits take meanwhile.

A commit that is slow makes rests longer by a fifth; every other one makes them shorter by so little that about eight
in a thousand are slow: a few are on a server that nobody works on. What was written reaches the disk half a minute
later, in floods, so neither a flood nor a calm while changes much at once.
"""

import time
from collections.abc import Callable, Sequence

from golive.postgres.partition.calm import BEHIND_SECONDS, Calm, lag_seconds
from golive.postgres.session import Connection
from golive.postgres.trouble import DatabaseTrouble

LONGEST_REST_SECONDS = 2.0
MOST_FACTOR = 12.0
LONGER, SHORTER = 1.2, 0.99854
FIRST_FACTOR = 6.0
MOST_WAITS = 600


def factor_after(factor: float, commits_ms: Sequence[float], slow_ms: float, least: float) -> float:
    """How long to rest, as a multiple of the time that work took, after these commits."""
    for each in commits_ms:
        factor = max(min(factor * (LONGER if each > slow_ms else SHORTER), MOST_FACTOR), least)
    return factor


class Pace:
    """Rests after each portion of work as long as it took, times a factor of at least `least`; 0 rests never.

    Also waits while a replica is more than `most_lag` seconds behind. To be closed.
    """

    def __init__(
        self, connection: Connection, least: float, tell: Callable[[str], None], most_lag: float = BEHIND_SECONDS
    ) -> None:
        self._connection, self._least, self._tell, self._most_lag = connection, least, tell, most_lag
        self._calm: Calm | None = None
        self._looked = 0.0
        self.factor = max(least, FIRST_FACTOR) if least else 0.0

    def begin(self) -> Calm:
        """Get to know what commits take while nothing is at work; without this the first rest does."""
        if self._calm is None:
            self._calm = Calm(self._connection)
        return self._calm

    def breathe(self, began: float, most: float = MOST_FACTOR) -> None:
        """After a portion that began then (monotonic), at most so many times as long as it took.

        Raises DatabaseTrouble when a replica stays behind.
        """
        now = time.monotonic()
        if self._least:
            calm = self.begin()
            self.factor = factor_after(self.factor, calm.taken(), calm.slow_ms, self._least)
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

    def close(self) -> None:
        if self._calm is not None:
            self._calm.close()
            self._calm = None
