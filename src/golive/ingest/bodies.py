"""Request bodies: read with limits on size, time and memory, and unpacked piece by piece, so that a decompression bomb
is refused before it goes off."""

import asyncio
import contextlib
import sys
import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

import brotli

from golive.ingest.replies import Refusal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MEBIBYTE = 1 << 20
PIECE_BYTES = 256 << 10
READ_SECONDS = 30.0
IN_FLIGHT_BYTES = 160 * MEBIBYTE
DRAIN_BYTES = 64 * MEBIBYTE
DRAIN_SECONDS = 10.0

Receive = Callable[[], Awaitable[dict[str, Any]]]


class _Unpacker(Protocol):
    def feed(self, data: bytes, limit: int) -> Iterator[bytes]:
        """Unpack, yielding pieces of bounded size. Raises ValueError for bad data."""
        ...

    def finished(self) -> bool: ...


class _Plain:
    def feed(self, data: bytes, limit: int) -> Iterator[bytes]:
        yield data

    def finished(self) -> bool:
        return True


class _Zlib:
    """gzip and deflate (with or without the zlib header, as clients disagree); gzip may have several members."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._fed = False

    def feed(self, data: bytes, limit: int) -> Iterator[bytes]:
        while data:
            if self._stream is None or (self._stream.eof and data.strip(b"\0")):
                self._stream = zlib.decompressobj(47 if data[:1] in (b"\x1f", b"\x78") else -15)
            if self._stream.eof:
                return
            self._fed = True
            try:
                yield self._stream.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise ValueError(str(error)) from error
            data = self._stream.unconsumed_tail or self._stream.unused_data

    def finished(self) -> bool:
        return not self._fed or bool(self._stream.eof)


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 24})
        self._fed = False

    def feed(self, data: bytes, limit: int) -> Iterator[bytes]:
        self._fed = True
        try:
            yield self._stream.decompress(data, PIECE_BYTES)
            while not self._stream.needs_input and not self._stream.eof:
                yield self._stream.decompress(b"", PIECE_BYTES)
        except (zstd.ZstdError, EOFError) as error:
            raise ValueError(str(error)) from error

    def finished(self) -> bool:
        return not self._fed or self._stream.eof


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._fed = False

    def feed(self, data: bytes, limit: int) -> Iterator[bytes]:
        self._fed = True
        try:
            yield self._stream.process(data, output_buffer_limit=PIECE_BYTES)
            while not self._stream.can_accept_more_data():
                yield self._stream.process(b"", output_buffer_limit=PIECE_BYTES)
        except brotli.error as error:
            raise ValueError(str(error)) from error

    def finished(self) -> bool:
        return not self._fed or bool(self._stream.is_finished())


# Some Sentry clients name a character set or nothing at all where an encoding belongs.
_UNPACKERS: dict[str, Callable[[], _Unpacker]] = {
    "": _Plain,
    "identity": _Plain,
    "utf-8": _Plain,
    "gzip": _Zlib,
    "x-gzip": _Zlib,
    "deflate": _Zlib,
    "zstd": _Zstd,
    "br": _Brotli,
}


class Intake:
    """Reads bodies while all that are being read together stay below a bound of memory."""

    def __init__(self, in_flight_bytes: int = IN_FLIGHT_BYTES) -> None:
        self.in_flight_bytes = in_flight_bytes
        self._held = 0

    async def read(self, receive: Receive, headers: dict[bytes, bytes], *, packed_limit: int, limit: int) -> bytes:
        """The unpacked body. Raises Refusal: 413 too large, 400 bad or cut off, 408 too slow, 415, 503 busy."""
        encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        if encoding not in _UNPACKERS:
            raise Refusal(
                415,
                f"Content-Encoding {encoding[:40]!r} is not known; send gzip, deflate, zstd, br or identity.",
                Accept_Encoding="gzip, deflate, zstd, br, identity",
            )
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced) > packed_limit:
            await _drain(receive)
            raise _too_large(packed_limit)
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._unpack(receive, _UNPACKERS[encoding](), pieces, packed_limit, limit)
        except TimeoutError:
            raise Refusal(408, f"The body did not arrive within {READ_SECONDS:.0f} s.", Connection="close") from None
        except ValueError as error:
            raise Refusal(400, f"The body is not valid {encoding}: {error}.") from error
        finally:
            self._held -= sum(map(len, pieces))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _unpack(
        self, receive: Receive, unpacker: _Unpacker, pieces: list[bytes], packed_limit: int, limit: int
    ) -> None:
        packed = size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "The client went away in the middle of the body.")
            chunk: bytes = message.get("body", b"")
            packed += len(chunk)
            if packed > packed_limit:
                await _drain(receive, message)
                raise _too_large(packed_limit)
            for piece in unpacker.feed(chunk, limit) if chunk else ():
                if not piece:
                    continue
                size += len(piece)
                if size > limit:
                    await _drain(receive, message)
                    raise _too_large(limit)
                if self._held + len(piece) > self.in_flight_bytes:
                    raise Refusal(503, "Too much is being received at once; try again shortly.", Retry_After="1")
                self._held += len(piece)
                pieces.append(piece)
            if not message.get("more_body", False):
                break
        if not unpacker.finished():
            raise ValueError("it ends too early")


async def _drain(receive: Receive, message: dict[str, Any] | None = None) -> None:
    """Read on for a while and throw away: who is still sending does not see an answer."""
    left = DRAIN_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0 and (message is None or message.get("more_body", False)):
                message = await receive()
                left -= len(message.get("body", b""))


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"The body is larger than {limit // MEBIBYTE} MiB; send smaller batches.", Connection="close")
