"""What a remote probe saw and has not handed over yet: on disk, numbered, bounded. Standard library only."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MOST = 2_000_000
MOST_BYTES = 1_500_000


class Outbox:
    """Results in the order in which they were seen; the oldest are dropped first when there are too many."""

    def __init__(self, path: Path, most: int = MOST) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._most = most
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS look (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)")

    def add(self, looks: Sequence[dict[str, Any]]) -> None:
        """Keep results."""
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO look (body) VALUES (?)", [(json.dumps(look),) for look in looks])
            self._database.execute("DELETE FROM look WHERE number <= (SELECT max(number) FROM look) - ?", (self._most,))
            self._database.execute("COMMIT")

    def first(self, count: int) -> tuple[int, list[dict[str, Any]]]:
        """The oldest results and the number of the first; numbers within them have no gaps.

        Together they are no larger than one request may be, but one at the least.
        """
        found: list[tuple[int, str]] = []
        size = 0
        with self._lock:
            rows = self._database.execute("SELECT number, body FROM look ORDER BY number LIMIT ?", (count,))
            for number, body in rows:
                size += len(body)
                if found and size > MOST_BYTES:
                    break
                found.append((number, body))
            rows.close()
            if not found:
                return self._next(), []
        return found[0][0], [json.loads(body) for _, body in found]

    def _next(self) -> int:
        row = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'look'").fetchone()
        return (row[0] if row else 0) + 1

    def forget(self, last: int) -> None:
        """The server keeps everything up to this number."""
        with self._lock:
            self._database.execute("DELETE FROM look WHERE number <= ?", (last,))

    def skip_to(self, last: int) -> None:
        """Number what comes from here on above `last`: the server knows more than this folder does."""
        with self._lock:
            self._database.execute("BEGIN")
            if self._next() <= last:
                self._database.execute("INSERT OR REPLACE INTO look (number, body) VALUES (?, '{}')", (last,))
                self._database.execute("DELETE FROM look WHERE number = ?", (last,))
            self._database.execute("COMMIT")

    def __len__(self) -> int:
        with self._lock:
            return int(self._database.execute("SELECT count(*) FROM look").fetchone()[0])

    def close(self) -> None:
        with self._lock:
            self._database.close()
