"""OTLP requests for tests, made with the public message classes."""

import os
import time

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def logs(service: str, ids: list[str], event: str = "") -> ExportLogsServiceRequest:
    """One log record for each id, which stands in the attribute `id`."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.append(text("service.name", service))
    scope = resource.scope_logs.add()
    for one in ids:
        record = scope.log_records.add(time_unix_nano=time.time_ns(), severity_number=9, event_name=event)
        record.body.string_value = f"record {one}"
        record.attributes.append(text("id", one))
    return request


def traces(service: str, ids: list[str]) -> ExportTraceServiceRequest:
    """One server span in a trace of its own for each id."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.append(text("service.name", service))
    scope = resource.scope_spans.add()
    for one in ids:
        now = time.time_ns()
        span = scope.spans.add(
            trace_id=os.urandom(16),
            span_id=os.urandom(8),
            name="GET /",
            kind=2,
            start_time_unix_nano=now,
            end_time_unix_nano=now + 1_000_000,
        )
        span.attributes.append(text("id", one))
    return request


def metrics(service: str, ids: list[str]) -> ExportMetricsServiceRequest:
    """One gauge point for each id."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.append(text("service.name", service))
    metric = resource.scope_metrics.add().metrics.add(name="gauge")
    for one in ids:
        point = metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_double=1.5)
        point.attributes.append(text("id", one))
    return request
