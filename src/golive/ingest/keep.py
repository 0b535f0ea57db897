"""From a checked request to durable storage: the spools, the loaders behind them, and what was seen before."""

import asyncio
import fcntl
import hashlib
import logging
import os
import struct
import time
from concurrent.futures import Future
from pathlib import Path

from golive.ingest.seen import Seen
from golive.telemetry import proto
from golive.telemetry.loader import Inserter, Loader, Stream, insert, table_stream
from golive.telemetry.spool import Budget, Spool, SpoolError, identities

log = logging.getLogger(__name__)

_PROJECT_TAG = b"\x8a\xa8\xc3\x01"  # field 400001, length-delimited
_RECEIVED_TAG = b"\x91\xa8\xc3\x01"  # field 400002, fixed64
_MARKER_TAG = b"\x9a\xa8\xc3\x01"  # field 400003, length-delimited


def otlp_stream(table: str, message: str) -> Stream:
    """Requests in protobuf, each behind its length, decoded by the engine."""
    return Stream(
        table,
        "Protobuf",
        {
            "format_schema_source": "string",
            "format_schema": proto.text(),
            "format_schema_message_name": message,
            "input_format_protobuf_oneof_presence": 1,
        },
    )


STREAMS = {
    "logs": otlp_stream("otlp_logs", "Logs"),
    "traces": otlp_stream("otlp_traces", "Traces"),
    "metrics": otlp_stream("otlp_metrics", "Metrics"),
    "errors": table_stream("errors"),
}


def framed(body: bytes, project: str, received_ms: int, marker: bytes) -> bytes:
    """An OTLP request with our fields behind it, as one element of the `Protobuf` format; nothing is decoded."""
    name = project.encode()
    trailer = b"".join(
        [
            _PROJECT_TAG + varint(len(name)) + name,
            _RECEIVED_TAG + struct.pack("<Q", received_ms),
            _MARKER_TAG + varint(len(marker)) + marker,
        ]
    )
    return b"".join([varint(len(body) + len(trailer)), body, trailer])


def varint(number: int) -> bytes:
    """A protobuf variable-length integer."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def identity_of(key: str, stream: str, body: bytes) -> bytes:
    """Names a request by who sent it, where to, and what it says (16 bytes)."""
    digest = hashlib.sha256(f"{key}/{stream}/".encode())
    digest.update(body)
    return digest.digest()[:16]


class Keeper:
    """Owns DATA/spool/ingest. `keep` returns when the request is durable, or was already."""

    def __init__(self, root: Path, *, age_seconds: float = 2.0, inserter: Inserter = insert) -> None:
        """`root` is DATA/spool. Raises BlockingIOError when another ingest owns it."""
        folder = root / "ingest"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise
        self.budget = Budget()
        self.spools = {name: Spool(folder / name, self.budget) for name in STREAMS}
        waiting = [entry for spool in self.spools.values() for entry in identities(spool.sealed)]
        self.seen = Seen(folder / "seen", time.time_ns() // 1_000_000, waiting)
        self._pending: dict[bytes, Future[None]] = {}
        self._loaders = [
            Loader(
                self.spools[name],
                stream,
                root / "quarantine",
                age_seconds=age_seconds,
                inserter=inserter,
                loaded=self.seen.record,
            ).start()
            for name, stream in STREAMS.items()
        ]

    async def keep(self, stream: str, payload: bytes, identity: bytes, received_ms: int) -> None:
        """Raises SpoolError when the request could not be kept; then the sender must try again."""
        if identity in self.seen:
            return
        if (pending := self._pending.get(identity)) is None:
            pending = self.spools[stream].append(payload, identity, received_ms)
            self._pending[identity] = pending
            try:
                await asyncio.shield(asyncio.wrap_future(pending))
                self.seen.add(identity, received_ms)
            finally:
                self._pending.pop(identity, None)
        else:
            await asyncio.shield(asyncio.wrap_future(pending))

    def waiting_bytes(self) -> int:
        return self.budget.used_bytes

    def close(self) -> None:
        """Flush, stop the loaders; what the store does not have yet stays on disk."""
        for loader in self._loaders:
            loader.stop()
        for spool in self.spools.values():
            spool.close()
        os.close(self._lock)


__all__ = ["STREAMS", "Keeper", "SpoolError", "framed", "identity_of"]
