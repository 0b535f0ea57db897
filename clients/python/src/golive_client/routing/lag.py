"""Replication lag in seconds, from where the primary's log was and when: right also when the link is dead."""

from collections import deque

KEPT = 1200


class Positions:
    """Where the primary's log was at which instant (monotonic seconds)."""

    def __init__(self) -> None:
        self._known: deque[tuple[float, int]] = deque(maxlen=KEPT)

    def note(self, at: float, lsn: int) -> None:
        """The primary was at `lsn`. A position that did not move keeps its first instant and its last."""
        if len(self._known) >= 2 and self._known[-1][1] == lsn == self._known[-2][1]:
            self._known.pop()
        self._known.append((at, lsn))

    def lag(self, replayed: int, now: float) -> float | None:
        """How old the data are of a replica that has replayed so far; None when that is not known."""
        if not self._known:
            return None
        if replayed >= self._known[-1][1]:
            # All that the primary had at the last look. If that was long ago, the data may be that much older.
            return max(0.0, now - self._known[-1][0]) if now - self._known[-1][0] > 5 else 0.0
        for at, lsn in reversed(self._known):
            if lsn <= replayed:
                return now - at
        return now - self._known[0][0]
