"""The loader: takes sealed segments from the spools and inserts each into the store exactly once.

While the store answers slowly or not at all, segments grow to their full size instead of being sealed by age: big
batches are what the engine likes best. A segment that the store refuses because of its data is halved until the bad
request stands alone; that one goes to quarantine with the reason, the rest is kept.
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson
from clickhouse_connect.driver.exceptions import ClickHouseError

from golive.kit.folders import write_private
from golive.telemetry import store
from golive.telemetry.spool import Frame, Segment, Spool, SpoolError

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 10.0
PATIENCE = 30  # attempts before an answer that we do not know counts as a refusal of the data
MEMORY_PATIENCE = 5  # attempts before a segment that does not fit the store's memory is halved
MEMORY_LIMIT_CODE = 241

# Exception codes of the engine that say "these bytes", not "not now": parse errors, bad values, values out of range.
DATA_CODES = frozenset(
    (6, 26, 27, 32, 33, 38, 41, 50, 53, 69, 70, 72, 117, 128, 130, 131, 190, 246, 321, 349, 407, 434, 436, 441, 444)
)
# Codes of a store that is full, busy, starting, read-only or not yet migrated: the data are good, however long that is.
TROUBLE_CODES = frozenset(
    {3, 16, 36, 60, 73, 81, 159, 160, 164, 173, 192, 193, 194, 198, 201, 202, 209, 210, 225, 236, 241, 242, 243, 252}
    | {285, 290, 319, 335, 341, 344, 373, 378, 379, 394, 415, 425, 439, 473, 479, 497, 499, 516, 999, 1000, 1002}
)


@dataclass(frozen=True)
class Stream:
    """How the payloads of one spool are inserted."""

    table: str
    format: str
    settings: Mapping[str, str | int]


def table_stream(table: str) -> Stream:
    """The stream of a table whose payloads are lines of JSON, one row each."""
    return Stream(
        table,
        "JSONEachRow",
        {
            "date_time_input_format": "best_effort",
            "input_format_skip_unknown_fields": 1,
            "input_format_parallel_parsing": 0,  # blocks must come out the same the second time
        },
    )


class Refused(Exception):
    """The store refused these bytes and will refuse them again."""


class Unavailable(Exception):
    """The store did not take the insert now; the same one may succeed later. `code` is the engine's, 0 if unknown."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Inserter(Protocol):
    """Inserts one batch once, however often it is called with the same token. Raises Refused or Unavailable."""

    def __call__(self, stream: Stream, token: str, body: bytes) -> None: ...


def insert(stream: Stream, token: str, body: bytes) -> None:
    """Insert through the store's HTTP interface."""
    settings = {
        **stream.settings,
        "insert_deduplicate": 1,
        "insert_deduplication_token": token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        "max_insert_block_size": 100_000_000,  # one segment is one block: it enters whole or not at all
        "async_insert": 0,
    }
    try:
        client = store.connect(write=True)
        client.raw_insert(stream.table, insert_block=body, settings=settings, fmt=stream.format)
    except store.StoreError as error:
        raise Unavailable(str(error)) from error
    except ClickHouseError as error:
        code = int(getattr(error, "code", None) or 0)
        reason = f"code {code}: {str(error)[:600]}"
        raise (Refused(reason) if code in DATA_CODES else Unavailable(reason, code)) from error
    except OSError as error:
        raise Unavailable(str(error)) from error


class Loader:
    """One thread that empties one spool into one stream."""

    def __init__(
        self,
        spool: Spool,
        stream: Stream,
        quarantine: Path,
        *,
        age_seconds: float = 2.0,
        inserter: Inserter = insert,
        loaded: Callable[[Sequence[Frame]], None] = lambda frames: None,
    ) -> None:
        """`loaded` is told the frames of a segment after the store has them and before the segment is removed."""
        self.spool = spool
        self.stream = stream
        self.quarantine = quarantine
        self.age_seconds = age_seconds
        self._insert = inserter
        self._loaded = loaded
        self._stop = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"loader {stream.table}", daemon=True)

    def start(self) -> "Loader":
        self._thread.start()
        return self

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End after the insert in progress; what is left stays on disk for the next start."""
        self._stop.set()
        self.spool.arrived.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._beat()
            except Exception:
                log.exception("loader of %s stumbled; it goes on", self.stream.table)
                self._stop.wait(1.0)

    def _beat(self) -> None:
        if not self.spool.sealed:
            self.spool.seal_when_due(self.age_seconds)
        if self.spool.sealed:
            self.load(self.spool.sealed[0])
            return
        self.spool.arrived.clear()
        if (due := self.spool.due_in(self.age_seconds)) is not None:
            self._stop.wait(min(due, self.age_seconds) + 0.001)
        elif not self.spool.sealed:
            self.spool.arrived.wait(self.age_seconds)

    def load(self, segment: Segment) -> bool:
        """Insert one segment; True when it is done with. When the store is away: wait a little and answer False."""
        frames = segment.frames()
        try:
            self._insert_or_halve(segment.token, frames)
        except Unavailable as error:
            self._back_off(segment, error)
            return False
        self._failures = 0
        self._loaded(frames)
        self.spool.forget(segment)
        return True

    def _insert_or_halve(self, token: str, frames: Sequence[Frame]) -> None:
        if not frames:
            return
        try:
            self._insert_once(token, frames)
        except Refused as refusal:
            if len(frames) == 1:
                self._put_aside(token, frames[0], str(refusal))
                return
            middle = len(frames) // 2
            self._insert_or_halve(f"{token}.0", frames[:middle])
            self._insert_or_halve(f"{token}.1", frames[middle:])

    def _insert_once(self, token: str, frames: Sequence[Frame]) -> None:
        try:
            self._insert(self.stream, token, b"".join([frame.payload for frame in frames]))
        except Unavailable as error:
            too_large = error.code == MEMORY_LIMIT_CODE and len(frames) > 1 and self._failures >= MEMORY_PATIENCE
            strange = error.code and error.code not in TROUBLE_CODES and self._failures >= PATIENCE
            if too_large or strange:
                raise Refused(str(error)) from error
            raise

    def _put_aside(self, token: str, frame: Frame, reason: str) -> None:
        """Keep the refused request with the reason beside it, for a person to look at."""
        try:
            write_private(self.quarantine / f"{token}.frame", frame.encode())
            note = {"table": self.stream.table, "format": self.stream.format, "received_ms": frame.received_ms}
            write_private(self.quarantine / f"{token}.json", orjson.dumps(note | {"reason": reason}))
        except OSError as error:
            raise Unavailable(f"cannot write the quarantine: {error}") from error
        log.error("store refused one request for %s; it is kept as %s.frame: %s", self.stream.table, token, reason)

    def _back_off(self, segment: Segment, error: Unavailable) -> None:
        self._failures += 1
        pause = min(LONGEST_PAUSE_SECONDS, 0.1 * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        level = logging.WARNING if self._failures in (3, 30) or self._failures % 300 == 0 else logging.DEBUG
        waiting = len(self.spool.sealed)
        log.log(level, "store does not take %s (%d segments wait): %s", self.stream.table, waiting, error)
        self._stop.wait(pause)


__all__ = ["Inserter", "Loader", "Refused", "SpoolError", "Stream", "Unavailable", "insert", "table_stream"]
