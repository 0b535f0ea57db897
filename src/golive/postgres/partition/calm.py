"""Waiting until a server has got over heavy work: commits wait as little as before, replicas have caught up.

Before version 17 a new index goes to the disk all at once, and every commit waits behind it; a lock taken just then
would be held as long.
"""

import time
from collections.abc import Callable

from golive.postgres.session import Connection, one

LOOKS, EVERY_SECONDS = 10, 0.03
LONGEST_SECONDS = 60.0
BEHIND_SECONDS = 5.0


def lag_seconds(connection: Connection) -> float:
    """How far the replica that is furthest behind is, 0 without any."""
    return float(
        one(
            connection,
            "SELECT COALESCE(max(EXTRACT(epoch FROM replay_lag)), 0)::float8 AS lag FROM pg_stat_replication",
        )["lag"]
    )


def unrest(waiting: float, usual: float, lag: float) -> str:
    """What is not as before, in words; nothing when all is. `waiting` and `usual` are sessions on an average."""
    if waiting > max(2 * usual, 1.0):
        return f"{waiting:.0f} sessions wait for the disk to take their commits"
    if lag > BEHIND_SECONDS:
        return f"a replica is {lag:.0f} s behind"
    return ""


class Calm:
    """Knows how it was before the work, so that it can be waited for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._usual = self._waiting()

    def wait(self, tell: Callable[[str], None], longest: float = LONGEST_SECONDS) -> str:
        """Until it is as before; after `longest` seconds what is not yet, for the notes."""
        end = time.monotonic() + longest
        while why := unrest(self._waiting(), self._usual, lag_seconds(self._connection)):
            if time.monotonic() > end:
                return f"the swap did not wait any longer: {why}"
            tell(f"waits: {why}")
        return ""

    def _waiting(self) -> float:
        """Sessions that wait for the log to be written, on an average of a third of a second."""
        seen = 0
        for _ in range(LOOKS):
            seen += one(
                self._connection,
                "SELECT count(*) AS waiting FROM pg_stat_activity "
                "WHERE lower(wait_event) IN ('walwrite', 'walsync') AND pid <> pg_backend_pid()",
            )["waiting"]
            time.sleep(EVERY_SECONDS)
        return seen / LOOKS
