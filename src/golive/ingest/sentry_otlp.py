"""Sentry transactions and logs as OTLP requests, so that they take the same way as everybody's spans and logs."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from golive.ingest.sentry_errors import mapping, tags_of, text, user_id_of
from golive.telemetry.proto import message_class

_SERVER_FAULTS = frozenset(
    {"internal_error", "unknown_error", "unknown", "unavailable", "deadline_exceeded", "data_loss", "unimplemented"}
)
_KINDS = (("http.server", 2), ("rpc.server", 2), ("http.client", 3), ("db", 3), ("cache", 3), ("rpc.client", 3))
_QUEUE_KINDS = (("queue.publish", 4), ("queue.submit", 4), ("queue.process", 5), ("queue.task", 5))
# A DSN's key is public, in every browser that runs a customer's page: what comes with it must not count as revenue.
_PLAIN = {"event.name": "sentry.event.name"}
_SEVERITY = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "fatal": 21}


def transaction_spans(event: Mapping[str, Any], project: str) -> Any:
    """A Traces request with the transaction as its root span. Spans without valid ids fall out in the later check."""
    request: Any = message_class("Traces")()
    resource = request.resource_spans.add()
    tags = tags_of(event)
    _resource(
        resource.resource, tags.get("service") or project, text(event.get("release")), text(event.get("environment"))
    )
    spans = resource.scope_spans.add()
    spans.scope.name = text(mapping(event.get("sdk")).get("name"))
    trace = mapping(mapping(event.get("contexts")).get("trace"))
    root = spans.spans.add()
    name = text(event.get("transaction"))
    _span(root, {**trace, "start_timestamp": event.get("start_timestamp"), "timestamp": event.get("timestamp")}, name)
    _request_attributes(root, event, trace, name)
    for tag, value in tags.items():
        _attribute(root.attributes, tag, value)
    for child in event.get("spans") or []:
        if isinstance(child, Mapping):
            _span(spans.spans.add(), {"trace_id": trace.get("trace_id"), **child}, text(child.get("description")))
    return request


def log_records(items: Iterable[Any], project: str) -> Any:
    """A Logs request from the items of a Sentry log container."""
    request: Any = message_class("Logs")()
    scopes: dict[tuple[str, str, str], Any] = {}
    for item in items:
        if not isinstance(item, Mapping):
            continue
        attributes = {
            _PLAIN.get(str(name), str(name)): mapping(value).get("value") if isinstance(value, Mapping) else value
            for name, value in mapping(item.get("attributes")).items()
        }
        origin = (
            text(attributes.get("service.name") or attributes.get("service")) or project,
            text(attributes.get("sentry.release")),
            text(attributes.get("sentry.environment")),
        )
        if origin not in scopes:
            resource = request.resource_logs.add()
            _resource(resource.resource, *origin)
            scopes[origin] = resource.scope_logs.add()
            scopes[origin].scope.name = text(attributes.get("sentry.sdk.name"))
        _log(scopes[origin].log_records.add(), item, attributes)
    return request


def _log(record: Any, item: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    record.time_unix_nano = _nanoseconds(item.get("timestamp"))
    level = text(item.get("level")).lower()
    number = item.get("severity_number")
    record.severity_number = number if isinstance(number, int) and 0 < number < 25 else _SEVERITY.get(level, 0)
    record.severity_text = level.upper()
    record.body.string_value = text(item.get("body"))
    record.trace_id = _id(item.get("trace_id"), 16)
    record.span_id = _id(item.get("span_id"), 8)
    for name, value in attributes.items():
        _attribute(record.attributes, name, value)


def _span(span: Any, data: Mapping[str, Any], name: str) -> None:
    operation = text(data.get("op"))
    span.trace_id = _id(data.get("trace_id"), 16)
    span.span_id = _id(data.get("span_id"), 8)
    span.parent_span_id = _id(data.get("parent_span_id"), 8)
    span.name = name or operation or "unnamed"
    span.kind = next((kind for prefix, kind in (*_KINDS, *_QUEUE_KINDS) if operation.startswith(prefix)), 1)
    span.start_time_unix_nano = _nanoseconds(data.get("start_timestamp"))
    span.end_time_unix_nano = _nanoseconds(data.get("timestamp"))
    status = text(data.get("status"))
    span.status.code = 2 if status in _SERVER_FAULTS else 0
    span.status.message = status if span.status.code else ""
    if operation:
        _attribute(span.attributes, "sentry.op", operation)
    for key, value in {**mapping(data.get("tags")), **mapping(data.get("data"))}.items():
        _attribute(span.attributes, str(key), value)


def _request_attributes(root: Any, event: Mapping[str, Any], trace: Mapping[str, Any], name: str) -> None:
    """What the service page asks of a server span, from where Sentry keeps it."""
    known = {attribute.key for attribute in root.attributes}
    method = text(mapping(event.get("request")).get("method"))
    route = name.removeprefix(f"{method} ") if text(trace.get("op")).startswith("http.server") else ""
    status = mapping(mapping(event.get("contexts")).get("response")).get("status_code")
    wanted = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
    for key, value in {**wanted, "user.id": user_id_of(event)}.items():
        if value and key not in known:
            _attribute(root.attributes, key, value)


def _resource(resource: Any, service: str, release: str, environment: str) -> None:
    _attribute(resource.attributes, "service.name", service)
    if release:
        _attribute(resource.attributes, "service.version", release)
    _attribute(resource.attributes, "deployment.environment.name", environment or "production")


def _attribute(attributes: Any, key: str, value: object) -> None:
    if value is None:
        return
    kept = attributes.add(key=key).value
    if isinstance(value, bool):
        kept.bool_value = value
    elif isinstance(value, int) and -(2**63) <= value < 2**63:
        kept.int_value = value
    elif isinstance(value, float):
        kept.double_value = value
    else:
        kept.string_value = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _id(value: object, size: int) -> bytes:
    try:
        found = bytes.fromhex(text(value).replace("-", ""))
    except ValueError:
        return b""
    return found if len(found) == size else b""


def _nanoseconds(value: object) -> int:
    """Unix seconds or ISO 8601 as nanoseconds; 0 when it cannot be read (then the time of receipt counts)."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            value = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, (int, float)) and 0 < value < 9e9:
            return round(value * 1_000_000) * 1000
    except (ValueError, OverflowError):
        pass
    return 0
