"""Makes a decoded OTLP request fit for the store: absurd times, nested values and bad ids.

Nearly every request passes untouched; what is changed is kept under an attribute, what is refused is counted. The loops
run once per record of all traffic: they touch as few fields as they can.
"""

import base64
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.message import EncodeError

SECOND_NS = 1_000_000_000
FUTURE_NS = 600 * SECOND_NS
PAST_NS = 30 * 86_400 * SECOND_NS
ORIGINAL_TIME = "golive.original_time"
_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)


@dataclass
class Findings:
    """`changed`: the request must be serialised anew. `rejected` counts refused records, `reason` is the first's."""

    changed: bool = False
    rejected: int = 0
    reason: str = ""

    def reject(self, reason: str, count: int = 1) -> None:
        self.rejected += count
        self.reason = self.reason or reason
        self.changed = True


def check_logs(request: Any, now_ns: int) -> Findings:
    findings = Findings()
    earliest, latest = now_ns - PAST_NS, now_ns + FUTURE_NS
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            bad: list[int] = []
            records = scope.log_records
            for index, record in enumerate(records):
                if not earliest < record.time_unix_nano < latest:
                    _mend_log_time(record, now_ns)
                    findings.changed = True
                if (size := len(record.trace_id)) and size != 16:
                    bad.append(index)
                    findings.reject(f"trace_id has {size} bytes, not 16")
                elif (size := len(record.span_id)) and size != 8:
                    bad.append(index)
                    findings.reject(f"span_id has {size} bytes, not 8")
            for index in reversed(bad):
                del records[index]
    if _has_nested_values(request):
        _flatten(request)
        findings.changed = True
    return _ours(request, findings)


def check_traces(request: Any, now_ns: int) -> Findings:
    findings = Findings()
    earliest, latest = now_ns - PAST_NS, now_ns + FUTURE_NS
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            bad: list[int] = []
            spans = scope.spans
            for index, span in enumerate(spans):
                if reason := _bad_span(span):
                    bad.append(index)
                    findings.reject(reason)
                elif not earliest < span.start_time_unix_nano < latest:
                    _mend_span_time(span, now_ns)
                    findings.changed = True
            for index in reversed(bad):
                del spans[index]
    if _has_nested_values(request):
        _flatten(request)
        findings.changed = True
    return _ours(request, findings)


def check_metrics(request: Any, now_ns: int) -> Findings:
    findings = Findings()
    earliest, latest = now_ns - PAST_NS, now_ns + FUTURE_NS
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            bad: list[int] = []
            for index, metric in enumerate(scope.metrics):
                kind = metric.WhichOneof("data")
                points = getattr(metric, kind).data_points if kind else ()
                if not metric.name:
                    bad.append(index)
                    findings.reject("a metric has no name", max(1, len(points)))
                    continue
                for point in points:
                    if not earliest < point.time_unix_nano < latest:
                        _mend(point, "time_unix_nano", now_ns)
                        findings.changed = True
            for index in reversed(bad):
                del scope.metrics[index]
    if _has_nested_values(request):
        _flatten(request)
        findings.changed = True
    return _ours(request, findings)


def _bad_span(span: Any) -> str:
    """Why a span must be refused, or an empty string."""
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        return f"trace_id has {len(trace_id)} bytes, not 16" if len(trace_id) != 16 else "trace_id is all zero"
    if len(span_id) != 8 or span_id == _NO_SPAN:
        return f"span_id has {len(span_id)} bytes, not 8" if len(span_id) != 8 else "span_id is all zero"
    if parent and len(parent) != 8:
        return f"parent_span_id has {len(parent)} bytes, not 8"
    return ""


def _mend_log_time(record: Any, now_ns: int) -> None:
    """An absurd time gives way to the observed time, or to ours; it is kept unless there was none."""
    observed = record.observed_time_unix_nano
    plausible = now_ns - PAST_NS < observed < now_ns + FUTURE_NS
    _mend(record, "time_unix_nano", observed if plausible else now_ns)


def _mend_span_time(span: Any, now_ns: int) -> None:
    """The span keeps its duration and is taken to have ended just now."""
    duration = max(0, span.end_time_unix_nano - span.start_time_unix_nano)
    begin = now_ns - duration if duration < PAST_NS else now_ns
    _mend(span, "start_time_unix_nano", begin)
    span.end_time_unix_nano = begin + duration if duration < PAST_NS else begin


def _mend(record: Any, field: str, time_ns: int) -> None:
    if original := getattr(record, field):
        attribute = record.attributes.add(key=ORIGINAL_TIME)
        attribute.value.string_value = str(original)
    setattr(record, field, time_ns)


def _has_nested_values(request: Any) -> bool:
    """Serialising asks after required fields on its way; that takes a third of the time of IsInitialized()."""
    try:
        request.SerializeToString()
    except EncodeError:
        return True
    return False


def _flatten(message: Any) -> None:
    """Replace every nested attribute value below this message by its JSON text."""
    if message.DESCRIPTOR.name == "AnyValue":
        if message.WhichOneof("value") in ("array_value", "kvlist_value"):
            message.string_value = orjson.dumps(_plain(message, 0), option=orjson.OPT_NON_STR_KEYS).decode()
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in value if field.is_repeated else (value,):
            if not part.IsInitialized():
                _flatten(part)


def _plain(value: Any, depth: int) -> Any:
    """An AnyValue as JSON holds it; bytes as base64; what lies deeper than 60 levels as a note."""
    kind = value.WhichOneof("value")
    if depth > 60 and kind in ("array_value", "kvlist_value"):
        return "(nested deeper than 60 levels)"
    if kind == "array_value":
        return [_plain(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: _plain(item.value, depth + 1) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind) if kind else None


def _ours(request: Any, findings: Findings) -> Findings:
    """Take out what a sender wrote into the fields that the receiver fills."""
    for field in ("golive_project", "golive_received_ms", "golive_marker"):
        if request.HasField(field):
            request.ClearField(field)
            findings.changed = True
    return findings
