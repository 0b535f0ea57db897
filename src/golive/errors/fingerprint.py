"""Which error events are the same error: a stable id from what the code did, not from the data it did it with.

Pure: no models, no clock. The receiver calls it for every event, so that grouping is decided once, at the door.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Basis(StrEnum):
    """What the group was made from."""

    CUSTOM = "the sender's own fingerprint"
    FRAMES = "exception type and the application's own frames"
    MESSAGE = "exception type and message template"
    TEMPLATE = "message template"
    NOTHING = "level and transaction; the event has neither exception nor message"


@dataclass(frozen=True)
class Fingerprint:
    """`value` is 32 hex digits; `basis` says why events with this value belong together; `parts` is what was hashed."""

    value: str
    basis: Basis
    parts: tuple[str, ...]


_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")
_VARIABLE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
_TEMPLATES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<email>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"), "<ip>"),
    (re.compile(r"'(?:[^'\\\n]|\\.)*'(?!\w)"), "<text>"),
    (re.compile(r'"(?:[^"\\\n]|\\.)*"'), "<text>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<hex>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{7,}\b"), "<hex>"),
    (re.compile(r"(?<![A-Za-z<])[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?"), "<number>"),
)
_BUILD_HASH = re.compile(r"[.-](?=[0-9a-zA-Z_]*\d)[0-9a-zA-Z_]{6,}(?=\.(?:js|mjs|css)\b)")


def fingerprint_of(event: Mapping[str, Any]) -> Fingerprint:
    """Decide the group of an error event (the payload of a Sentry event)."""
    default, basis = _default_parts(event)
    custom = [str(part) for part in _list(event.get("fingerprint")) if part is not None]
    if not custom or (len(custom) == 1 and _DEFAULT.fullmatch(custom[0].strip())):
        return Fingerprint(_digest(default), basis, default)
    parts: list[str] = []
    for part in custom:
        if _DEFAULT.fullmatch(part.strip()):
            parts.extend(default)
        else:
            parts.append(_VARIABLE.sub(lambda found: _variable(event, found[1]), part))
    return Fingerprint(_digest(parts), Basis.CUSTOM, tuple(parts))


def template_of(message: str) -> str:
    """A message without its data: numbers, ids, addresses, times and quoted values become their kind."""
    text = message.strip()[:2000]
    for pattern, kind in _TEMPLATES:
        text = pattern.sub(kind, text)
    return re.sub(r"\s+", " ", text)


def exceptions_of(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The exceptions of an event, the one that was raised last at the end."""
    kept = event.get("exception")
    values = kept.get("values") if isinstance(kept, Mapping) else kept
    return [value for value in _list(values) if isinstance(value, Mapping)]


def frames_of(exception: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The frames of an exception (or of anything with a stack trace), innermost last."""
    trace = exception.get("stacktrace")
    frames = trace.get("frames") if isinstance(trace, Mapping) else None
    return [frame for frame in _list(frames) if isinstance(frame, Mapping)]


def message_of(event: Mapping[str, Any]) -> tuple[str, bool]:
    """The message of an event that has no exception, and whether it is the template that the code wrote."""
    entry = event.get("logentry") or event.get("message") or ""
    if isinstance(entry, Mapping):
        if entry.get("message") and entry.get("params"):
            return str(entry["message"]), True
        return str(entry.get("formatted") or entry.get("message") or ""), False
    return str(entry), False


def _default_parts(event: Mapping[str, Any]) -> tuple[tuple[str, ...], Basis]:
    if exceptions := exceptions_of(event):
        types = [str(exception.get("type") or "") for exception in exceptions]
        for exception in reversed(exceptions):
            if frames := _own_frames(frames_of(exception)):
                return (*types, *frames), Basis.FRAMES
        return (*types, template_of(str(exceptions[-1].get("value") or ""))), Basis.MESSAGE
    message, is_template = message_of(event)
    if message:
        return (str(event.get("logger") or ""), message if is_template else template_of(message)), Basis.TEMPLATE
    return (str(event.get("level") or "error"), str(event.get("transaction") or "")), Basis.NOTHING


def _own_frames(frames: Sequence[Mapping[str, Any]]) -> list[str]:
    """The application's frames as `module:function`; all frames when none is known to be its own. Line numbers move
    with every edit and recursion depth with the data: neither counts."""
    own = [frame for frame in frames if frame.get("in_app")] or list(frames)
    names: list[str] = []
    for frame in own:
        place = str(frame.get("module") or frame.get("filename") or frame.get("abs_path") or "?")
        name = f"{_BUILD_HASH.sub('', place)}:{frame.get('function') or '?'}"
        if name not in names[-3:]:
            names.append(name)
    return names


def _variable(event: Mapping[str, Any], name: str) -> str:
    exceptions = exceptions_of(event)
    last = exceptions[-1] if exceptions else {}
    known = {
        "type": last.get("type"),
        "error.type": last.get("type"),
        "value": last.get("value"),
        "error.value": last.get("value"),
        "message": message_of(event)[0] or last.get("value"),
        "transaction": event.get("transaction"),
        "level": event.get("level"),
        "logger": event.get("logger"),
    }
    return str(known.get(name) or f"<{name}>")


def _list(value: object) -> Sequence[Any]:
    if isinstance(value, (list, tuple)):
        return value
    return [] if value is None else [value]


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
