"""From the payload of an error event to what a page shows: some client sent it, so nothing in it is certain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

MOST_FRAMES = 100
MOST_CRUMBS = 60
LONGEST = 2000


@dataclass(frozen=True)
class SourceLine:
    """A line of source; `here` marks the one that was running."""

    number: int
    text: str
    here: bool


@dataclass(frozen=True)
class Frame:
    """A frame of a stack trace. `ours`: it is the application's own code."""

    function: str
    place: str
    line: int
    ours: bool
    source: list[SourceLine] = field(default_factory=list)
    variables: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Raised:
    """An exception with its frames, innermost first."""

    type: str
    value: str
    frames: list[Frame]
    hidden: int = 0


@dataclass(frozen=True)
class Crumb:
    """Something that happened before the error."""

    at: datetime | None
    category: str
    message: str
    level: str


@dataclass(frozen=True)
class Details:
    """All a page shows of an event's payload."""

    exceptions: list[Raised]
    crumbs: list[Crumb]
    request: list[tuple[str, str]]
    user: list[tuple[str, str]]
    contexts: list[tuple[str, str]]


def read(payload: str) -> Details:
    """Read a payload; what has an unexpected shape is left out."""
    try:
        event = orjson.loads(payload)
    except orjson.JSONDecodeError:
        event = {}
    event = _mapping(event)
    return Details(
        exceptions=[_raised(one) for one in reversed(_values(event.get("exception")))][:10],
        crumbs=[_crumb(one) for one in _values(event.get("breadcrumbs"))[-MOST_CRUMBS:]],
        request=[pair for pair in _pairs(event.get("request")) if pair[0] in ("method", "url", "query_string")],
        user=_pairs(event.get("user")),
        contexts=[
            (name, ", ".join(f"{key} {value}" for key, value in _pairs(context)[:4]))
            for name, context in _mapping(event.get("contexts")).items()
            if name != "trace" and _mapping(context)
        ],
    )


def _raised(one: Mapping[str, Any]) -> Raised:
    frames = [frame for frame in _list(_mapping(one.get("stacktrace")).get("frames")) if isinstance(frame, Mapping)]
    shown = [_frame(frame) for frame in reversed(frames[-MOST_FRAMES:])]
    return Raised(_text(one.get("type")) or "Error", _text(one.get("value")), shown, len(frames) - len(shown))


def _frame(frame: Mapping[str, Any]) -> Frame:
    line = frame.get("lineno")
    number = line if isinstance(line, int) else 0
    before, after = _list(frame.get("pre_context"))[-5:], _list(frame.get("post_context"))[:5]
    source: list[SourceLine] = []
    if frame.get("context_line") is not None:
        source = [
            *(SourceLine(number - len(before) + index, _text(text), False) for index, text in enumerate(before)),
            SourceLine(number, _text(frame.get("context_line")), True),
            *(SourceLine(number + 1 + index, _text(text), False) for index, text in enumerate(after)),
        ]
    return Frame(
        function=_text(frame.get("function")) or "?",
        place=_text(frame.get("filename") or frame.get("module") or frame.get("abs_path")),
        line=number,
        ours=bool(frame.get("in_app")),
        source=source,
        variables=_pairs(frame.get("vars"))[:30],
    )


def _crumb(one: Mapping[str, Any]) -> Crumb:
    stamp, at = one.get("timestamp"), None
    try:
        if isinstance(stamp, (int, float)):
            at = datetime.fromtimestamp(stamp, UTC)
        elif isinstance(stamp, str):
            at = datetime.fromisoformat(stamp)
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        at = None
    message = _text(one.get("message")) or ", ".join(f"{k} {v}" for k, v in _pairs(one.get("data"))[:4])
    return Crumb(at, _text(one.get("category") or one.get("type")), message, _text(one.get("level")))


def _values(holder: Any) -> list[Mapping[str, Any]]:
    """Sentry writes lists as `{"values": […]}` or plainly."""
    values = holder.get("values") if isinstance(holder, Mapping) else holder
    return [value for value in _list(values) if isinstance(value, Mapping)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _pairs(value: Any) -> list[tuple[str, str]]:
    return [(str(key), _text(one)) for key, one in _mapping(value).items() if one not in (None, "")]


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text[:LONGEST]
