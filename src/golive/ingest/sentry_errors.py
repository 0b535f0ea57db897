"""A Sentry event as a row of the errors table."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from golive.errors.fingerprint import exceptions_of, fingerprint_of, frames_of, message_of

FUTURE = timedelta(minutes=10)
PAST = timedelta(days=30)


def error_row(event: Mapping[str, Any], project: str, received_at: datetime, marker: str) -> dict[str, Any]:
    """The row of a scrubbed event. `marker` is what trace ids of golive's own probes begin with (hex)."""
    exceptions = exceptions_of(event)
    last = exceptions[-1] if exceptions else {}
    tags = tags_of(event)
    trace = mapping(mapping(event.get("contexts")).get("trace"))
    trace_id = str(trace.get("trace_id") or "").replace("-", "").lower()
    sdk = mapping(event.get("sdk"))
    return {
        "project": project,
        "environment": text(event.get("environment")) or "production",
        "release": text(event.get("release")),
        "synthetic": bool(marker and trace_id.startswith(marker)) or "user_agent.synthetic.type" in tags,
        "received_at": received_at,
        "time": time_of(event.get("timestamp"), received_at),
        "service": tags.get("service") or project,
        "event_id": event_id_of(event),
        "fingerprint": fingerprint_of(event).value,
        "level": text(event.get("level")) or "error",
        "type": text(last.get("type")),
        "message": (text(last.get("value")) or message_of(event)[0])[:8192],
        "culprit": culprit_of(event),
        "transaction": text(event.get("transaction"))[:200],
        "handled": mapping(last.get("mechanism")).get("handled") is not False,
        "trace_id": trace_id,
        "span_id": text(trace.get("span_id")).lower(),
        "user_id": user_id_of(event),
        "platform": text(event.get("platform")),
        "sdk": f"{text(sdk.get('name'))} {text(sdk.get('version'))}".strip(),
        "tags": tags,
        "payload": orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS).decode(),
    }


def event_id_of(event: Mapping[str, Any], otherwise: str = "") -> str:
    """The event's id as 32 hex digits; else the other one given, else a new one."""
    for given in (text(event.get("event_id")), otherwise):
        plain = given.replace("-", "").lower()
        if len(plain) == 32 and all(letter in "0123456789abcdef" for letter in plain):
            return plain
    return uuid.uuid4().hex


def tags_of(event: Mapping[str, Any]) -> dict[str, str]:
    """Tags, which come as an object or as pairs."""
    tags = event.get("tags")
    pairs = (
        tags.items() if isinstance(tags, Mapping) else [p for p in tags or [] if isinstance(p, list) and len(p) == 2]
    )
    return {str(name)[:200]: text(value)[:1000] for name, value in pairs if value is not None}


def user_id_of(event: Mapping[str, Any]) -> str:
    user = mapping(event.get("user"))
    return text(user.get("id") or user.get("username") or user.get("email"))


def culprit_of(event: Mapping[str, Any]) -> str:
    """Where it happened: the innermost frame of the application as `module in function`."""
    for exception in reversed(exceptions_of(event)):
        frames = frames_of(exception)
        for frame in [frame for frame in reversed(frames) if frame.get("in_app")] or frames[-1:]:
            return (
                f"{text(frame.get('module') or frame.get('filename')) or '?'} in {text(frame.get('function')) or '?'}"
            )
    return text(event.get("culprit") or event.get("transaction"))


def time_of(value: object, received_at: datetime) -> datetime:
    """A time as Sentry writes it (Unix seconds or ISO 8601); ours when it is missing or absurd."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value, UTC)
        else:
            found = datetime.fromisoformat(str(value))
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return received_at
    return found if received_at - PAST < found < received_at + FUTURE else received_at


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def text(value: object) -> str:
    return "" if value is None else str(value)
