"""Requests that were acknowledged in the last ten minutes, so that one which is resent because its acknowledgement was
lost is recognised - also after a restart.

While a request waits in the spool its segment tells its identity. Before a loaded segment is removed, the identities of
its requests are written to a journal file of the minute; files older than the window are deleted.
"""

import os
import struct
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from golive.telemetry.spool import Frame

WINDOW_MS = 600_000
_ENTRY = struct.Struct("<16sQ")


class Seen:
    """The identities of acknowledged requests within the window."""

    def __init__(self, folder: Path, now_ms: int, waiting: Iterable[tuple[bytes, int]] = ()) -> None:
        """`waiting` are the (identity, received in ms) that a restart found in the spool."""
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        known = [entry for path in sorted(folder.glob("*.seen")) for entry in _entries(path)] + list(waiting)
        known.sort(key=lambda entry: entry[1])
        self._received: dict[bytes, int] = {
            identity: received for identity, received in known if received > now_ms - WINDOW_MS
        }

    def __contains__(self, identity: bytes) -> bool:
        return identity in self._received

    def add(self, identity: bytes, received_ms: int) -> None:
        """Remember a request that is now durable, and forget those that have passed the window."""
        self._received[identity] = received_ms
        oldest = next(iter(self._received))
        for _ in range(8):  # a few at a time: nobody waits for a great clearing
            if self._received[oldest] > received_ms - WINDOW_MS:
                return
            del self._received[oldest]
            if not self._received:
                return
            oldest = next(iter(self._received))

    def record(self, frames: Sequence[Frame]) -> None:
        """Write identities to the journal, durably. Called by loaders before they remove a segment."""
        if not frames:
            return
        newest = max(frame.received_ms for frame in frames)
        path = self.folder / f"{newest // 60_000:012d}.seen"
        with self._lock:
            fresh = not path.exists()
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                if torn := size % _ENTRY.size:
                    os.ftruncate(descriptor, size - torn)
                os.write(descriptor, b"".join([_ENTRY.pack(frame.identity, frame.received_ms) for frame in frames]))
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            if fresh:
                self._clear(newest - WINDOW_MS - 60_000)

    def _clear(self, before_ms: int) -> None:
        for path in self.folder.glob("*.seen"):
            if path.stem.isdigit() and int(path.stem) * 60_000 < before_ms:
                path.unlink(missing_ok=True)


def _entries(path: Path) -> list[tuple[bytes, int]]:
    content = path.read_bytes()
    whole = len(content) - len(content) % _ENTRY.size
    return [(identity, received) for identity, received in _ENTRY.iter_unpack(content[:whole])]
