"""The spool: what was acknowledged is on disk first, and stays there until the store has it.

One spool is one folder of one process and one stream (logs, spans, the rows of a table). It is a row of segment files;
a segment is a row of frames; a frame is one request exactly as the loader will insert it. A segment's file name is
also its deduplication token, so that inserting it a second time after a crash counts once.

Frame: magic, payload length, CRC-32, received (Unix ms), identity (16 bytes), payload. A frame whose CRC does not hold
was torn by a crash before it was acknowledged; recovery cuts it off.
"""

import contextlib
import os
import re
import secrets
import struct
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

MAGIC = b"gl\xf7\x01"
HEADER = struct.Struct("<4sIIQ16s")
SEGMENT_BYTES = 48 << 20
DEFAULT_LIMIT_BYTES = 2 << 30
_SUFFIX = ".segment"


class SpoolError(Exception):
    """The spool cannot take more: its byte limit is reached, or the disk refused. Nothing was kept; try again later."""


@dataclass(frozen=True)
class Frame:
    """One spooled request. `identity` names its content for the recognition of resent requests."""

    payload: bytes
    identity: bytes
    received_ms: int

    def encode(self) -> bytes:
        return header_of(self.payload, self.identity, self.received_ms) + self.payload


def header_of(payload: bytes, identity: bytes, received_ms: int) -> bytes:
    """The bytes that stand before a payload. `identity` is 16 bytes."""
    return HEADER.pack(MAGIC, len(payload), _checksum(payload, identity, received_ms), received_ms, identity)


def _checksum(payload: bytes, identity: bytes, received_ms: int) -> int:
    return zlib.crc32(payload, zlib.crc32(identity + received_ms.to_bytes(8, "little")))


def frames_in(content: bytes) -> Iterator[tuple[Frame, int]]:
    """Every whole frame of a segment with the offset where it ends; what was torn or spoiled is passed over."""
    at = 0
    while (at := content.find(MAGIC, at)) >= 0 and at + HEADER.size <= len(content):
        _, size, checksum, received_ms, identity = HEADER.unpack_from(content, at)
        end = at + HEADER.size + size
        if end <= len(content):
            payload = content[at + HEADER.size : end]
            if _checksum(payload, identity, received_ms) == checksum:
                yield Frame(payload, identity, received_ms), end
                at = end
                continue
        at += 1


class Budget:
    """The bytes that all spools of one process may hold together. Thread-safe."""

    def __init__(self, limit_bytes: int | None = None) -> None:
        self.limit_bytes = limit_bytes or int(os.environ.get("GOLIVE_SPOOL_BYTES") or DEFAULT_LIMIT_BYTES)
        self.used_bytes = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Claim bytes. Raises SpoolError when they would pass the limit."""
        with self._lock:
            if self.used_bytes + size > self.limit_bytes:
                raise SpoolError(f"The spool holds {self.used_bytes} of {self.limit_bytes} bytes; the store is behind.")
            self.used_bytes += size

    def add(self, size: int) -> None:
        """Count bytes that are there already (found by recovery) or give some back (negative)."""
        with self._lock:
            self.used_bytes += size


@dataclass
class Segment:
    """One file of frames. `good_bytes` is how much of it is known to be durable."""

    path: Path
    good_bytes: int = 0

    @property
    def token(self) -> str:
        return self.path.name.removesuffix(_SUFFIX)

    def frames(self) -> list[Frame]:
        with self.path.open("rb") as file:
            return [frame for frame, _ in frames_in(file.read(self.good_bytes))]


@dataclass
class _Waiting:
    parts: list[bytes]
    size: int
    done: "Future[None]" = field(default_factory=Future)


class Spool:
    """Appends frames durably, many waiting requests with one fdatasync, and hands sealed segments to the loader."""

    def __init__(self, folder: Path, budget: Budget, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self.budget = budget
        self.segment_bytes = segment_bytes
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._wake = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._closing = False
        self._file_lock = threading.Lock()
        self._active: Segment | None = None
        self._descriptor = -1
        self._began = 0.0
        self._serial = 0
        self._name = f"{re.sub(r'[^a-z0-9]+', '-', folder.name)}-{time.time_ns() // 1000:015x}-{secrets.token_hex(4)}"
        self.arrived = threading.Event()  # set when there is something for the loader
        self.sealed: list[Segment] = self._recover()
        self._writer = threading.Thread(target=self._write_forever, name=f"spool {folder.name}", daemon=True)
        self._writer.start()

    def append(self, payload: bytes, identity: bytes, received_ms: int) -> "Future[None]":
        """Queue one frame; the future is done when it is durable. Raises SpoolError when the byte limit is reached."""
        header = header_of(payload, identity, received_ms)
        waiting = _Waiting([header, payload], len(header) + len(payload))
        self.budget.take(waiting.size)
        with self._wake:
            if self._closing:
                self.budget.add(-waiting.size)
                raise SpoolError("The spool is closing.")
            self._waiting.append(waiting)
            self._wake.notify()
        return waiting.done

    def seal_when_due(self, age_seconds: float) -> None:
        """Close the segment being written when it is older than this, so that the loader may take it."""
        with self._file_lock:
            if self._active and self._active.good_bytes and time.monotonic() - self._began >= age_seconds:
                self._seal()

    def due_in(self, age_seconds: float) -> float | None:
        """Seconds until the segment being written is due; None when nothing is being written."""
        with self._file_lock:
            if not self._active or not self._active.good_bytes:
                return None
            return max(0.0, self._began + age_seconds - time.monotonic())

    def forget(self, segment: Segment) -> None:
        """Remove a segment that the store has."""
        with self._file_lock:
            self.sealed.remove(segment)
        segment.path.unlink(missing_ok=True)
        self.budget.add(-segment.good_bytes)

    def close(self) -> None:
        """Finish what is queued and stop the writer. What the store does not have stays on disk."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._writer.join(timeout=10)
        with self._file_lock:
            self._seal()

    def _recover(self) -> list[Segment]:
        found = []
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            content = path.read_bytes()
            good = max((end for _, end in frames_in(content)), default=0)
            if not good:
                path.unlink()
                continue
            if good < len(content):
                os.truncate(path, good)
            found.append(Segment(path, good))
            self.budget.add(good)
        if found:
            self.arrived.set()
        return found

    def _write_forever(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                batch, self._waiting = self._waiting, []
                if not batch:
                    return
            self._write(batch)

    def _write(self, batch: list[_Waiting]) -> None:
        size = sum(waiting.size for waiting in batch)
        try:
            with self._file_lock:
                self._durably(batch, size)
        except OSError as error:
            self.budget.add(-size)
            for waiting in batch:
                waiting.done.set_exception(SpoolError(f"The disk refused the spool: {error.strerror}."))
            return
        for waiting in batch:
            waiting.done.set_result(None)
        self.arrived.set()

    def _durably(self, batch: list[_Waiting], size: int) -> None:
        """Write and sync, or leave the file as it was and raise OSError."""
        segment = self._active or self._begin()
        try:
            _write_all(self._descriptor, [part for waiting in batch for part in waiting.parts])
            os.fdatasync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, segment.good_bytes)
            self._seal()  # after a failed sync the kernel's view of this file is not to be trusted
            raise
        segment.good_bytes += size
        if segment.good_bytes >= self.segment_bytes:
            self._seal()

    def _begin(self) -> Segment:
        self._serial += 1
        path = self.folder / f"{self._name}-{self._serial:08d}{_SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            _sync_folder(self.folder)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor, self._began = descriptor, time.monotonic()
        self._active = Segment(path)
        return self._active

    def _seal(self) -> None:
        if not self._active:
            return
        os.close(self._descriptor)
        if self._active.good_bytes:
            self.sealed.append(self._active)
            self.arrived.set()
        else:
            self._active.path.unlink(missing_ok=True)
        self._active = None


def _write_all(descriptor: int, parts: list[bytes]) -> None:
    """Write all parts, also when the kernel takes only some at a time."""
    for first in range(0, len(parts), 512):
        group = [memoryview(part) for part in parts[first : first + 512] if part]
        while group:
            written = os.writev(descriptor, group)
            while group and written >= len(group[0]):
                written -= len(group[0])
                group.pop(0)
            if group and written:
                group[0] = group[0][written:]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def identities(segments: Iterable[Segment]) -> Iterator[tuple[bytes, int]]:
    """(identity, received in Unix ms) of every request that still waits in these segments."""
    for segment in segments:
        for frame in segment.frames():
            yield frame.identity, frame.received_ms
