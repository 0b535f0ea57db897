"""The envelope of Sentry's clients: a line of JSON, then items, each a line of JSON and its payload."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

MOST_ITEMS = 1000


class EnvelopeError(ValueError):
    """The bytes are not an envelope; the message says where it breaks."""


@dataclass(frozen=True)
class Item:
    """One item: its headers (`type` among them) and its payload."""

    headers: Mapping[str, Any]
    payload: bytes

    @property
    def type(self) -> str:
        return str(self.headers.get("type") or "")


@dataclass(frozen=True)
class Envelope:
    """Headers (`event_id`, `dsn`, …) and items. `torn` says why items after the last whole one were given up."""

    headers: Mapping[str, Any]
    items: tuple[Item, ...]
    torn: str = ""


def parse(body: bytes) -> Envelope:
    """Read an envelope. Raises EnvelopeError when not even its first line can be read."""
    line, at = _line(body, 0)
    headers = _object(line, "the envelope's first line")
    items: list[Item] = []
    try:
        items.extend(_items(body, at))
    except _Torn as error:
        return Envelope(headers, tuple(error.items), str(error))
    return Envelope(headers, tuple(items))


class _Torn(Exception):
    def __init__(self, reason: str, items: list[Item]) -> None:
        super().__init__(reason)
        self.items = items


def _items(body: bytes, at: int) -> Iterator[Item]:
    items: list[Item] = []
    while at < len(body):
        line, at = _line(body, at)
        if not line.strip():
            continue
        if len(items) >= MOST_ITEMS:
            raise _Torn(f"more than {MOST_ITEMS} items", items)
        try:
            headers = _object(line, f"the header of item {len(items) + 1}")
        except EnvelopeError as error:
            raise _Torn(str(error), items) from error
        size = headers.get("length")
        if isinstance(size, int) and not isinstance(size, bool):
            if size < 0 or at + size > len(body):
                raise _Torn(f"item {len(items) + 1} announces {size} bytes, {len(body) - at} are left", items)
            payload, at = body[at : at + size], at + size
        else:
            payload, at = _line(body, at)
        items.append(Item(headers, payload))
    yield from items


def _line(body: bytes, at: int) -> tuple[bytes, int]:
    end = body.find(b"\n", at)
    return (body[at:], len(body)) if end < 0 else (body[at:end], end + 1)


def _object(line: bytes, what: str) -> Mapping[str, Any]:
    try:
        value = orjson.loads(line)
    except ValueError as error:
        raise EnvelopeError(f"{what} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise EnvelopeError(f"{what} is not a JSON object")
    return value
