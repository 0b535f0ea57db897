"""Request bodies as streams: read as they arrive, decompressed on the way, split into statement and data."""

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import brotli
import lz4.frame

from golive.telemetry.statements import Insert, insert_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_HEAD_BYTES = 64 * 1024
_WORTH_COMPRESSING_BYTES = 4096


class BodyError(Exception):
    """The body could not be decompressed, or its encoding is not known."""


class _Frame(Protocol):
    """A decompressor of one frame, as bz2, lz4 and zstd have it."""

    eof: bool
    unused_data: bytes | None

    def decompress(self, data: bytes) -> bytes: ...


def decoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The chunks decompressed by their Content-Encoding. Raises BodyError for what is broken or unknown."""
    match encoding.strip().lower():
        case "" | "identity":
            return chunks
        case "gzip":
            return _guarded(_frames(chunks, _gzip))
        case "deflate":
            return _guarded(_frames(chunks, zlib.decompressobj))
        case "zstd":
            return _guarded(_frames(chunks, zstd.ZstdDecompressor))
        case "lz4":
            return _guarded(_frames(chunks, lz4.frame.LZ4FrameDecompressor))
        case "br":
            return _guarded(_brotli(chunks))
        case other:
            raise BodyError(f"Unknown Content-Encoding {other!r}; use gzip, deflate, br, zstd or lz4.")


def _gzip() -> Any:
    return zlib.decompressobj(wbits=31)


def _frames(chunks: Iterator[bytes], fresh: Callable[[], Any]) -> Iterator[bytes]:
    frame: _Frame | None = None
    for chunk in chunks:
        rest = chunk
        while rest:
            if frame is None:
                frame = fresh()
            yield frame.decompress(rest)
            rest = b""
            if frame.eof:
                rest, frame = frame.unused_data or b"", None
    if frame is not None:
        raise BodyError("The compressed body ends too early.")


def _brotli(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = brotli.Decompressor()
    for chunk in chunks:
        yield decompressor.process(chunk)
    if not decompressor.is_finished():
        raise BodyError("The compressed body ends too early.")


def _guarded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except (zlib.error, zstd.ZstdError, brotli.error, RuntimeError, EOFError) as error:
        raise BodyError(f"The body could not be decompressed: {error}") from error


def encoded(data: bytes | memoryview, accepted: str) -> tuple[str, bytes | memoryview]:
    """An answer compressed by the first encoding that the client accepts and we know; "" when it stays as it is."""
    if len(data) >= _WORTH_COMPRESSING_BYTES:
        for offer in accepted.split(","):
            match offer.partition(";")[0].strip().lower():
                case "zstd":
                    return "zstd", zstd.compress(data, level=1)
                case "lz4":
                    return "lz4", lz4.frame.compress(data)
                case "gzip":
                    return "gzip", gzip.compress(data, compresslevel=3)
    return "", data


def parted(sql: str, body: Iterator[bytes]) -> tuple[Insert | None, Iterator[bytes]]:
    """Take a statement apart from the data that follow it.

    `sql` is what came in the URL; the body continues it. Returns the INSERT and its data's chunks, or None and the
    whole text in chunks.
    """
    head = sql.encode()
    if head:
        head += b"\n"
    for chunk in body:
        head += chunk
        if len(head) >= _HEAD_BYTES or _insert(head) is not None:
            break
    insert = _insert(head)
    if insert is None:
        return None, _chain(head, body)
    return insert, _chain(head[insert.data_starts :], body)


def _insert(head: bytes) -> Insert | None:
    """As `insert_of`, on bytes: what follows the statement need not be text."""
    found = insert_of(head[:_HEAD_BYTES].decode("latin-1"))
    if found is None:
        return None
    starts = found.data_starts
    if found.format != "Values":  # the engine's own rule: blanks, then at most one line end
        while head[starts : starts + 1] in (b" ", b"\t", b"\f"):
            starts += 1
        starts += head[starts : starts + 1] == b"\r"
        starts += head[starts : starts + 1] == b"\n"
    return Insert(found.sql.encode("latin-1").decode(), found.format, starts)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
