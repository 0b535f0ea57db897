"""A tiny collector: takes OTLP over HTTP and Sentry envelopes, and keeps what arrived for assertions."""

import gzip
import itertools
import json
import threading
import zlib
from typing import Any

import brotli
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Collector:
    """Spans, log records and data points as dicts with flat attributes; Sentry events as they were sent."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.logs: list[dict[str, Any]] = []
        self.points: list[dict[str, Any]] = []
        self.resources: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []
        self.authorizations: set[str] = set()
        self._lock = threading.Lock()
        self.app = Starlette(
            routes=[
                Route("/v1/{signal}", self._otlp, methods=["POST"]),
                Route("/api/{project}/envelope/", self._envelope, methods=["POST"]),
            ]
        )

    def events(self, name: str) -> list[dict[str, Any]]:
        """Business events of this name."""
        return [record for record in self.logs if record["event_name"] == name]

    async def _otlp(self, request: Request) -> Response:
        body = decompressed(await request.body(), request.headers.get("content-encoding", ""))
        with self._lock:
            self.authorizations.add(request.headers.get("authorization", ""))
            {"traces": self._traces, "logs": self._logs, "metrics": self._metrics}[request.path_params["signal"]](body)
        return Response(b"", media_type="application/x-protobuf")

    def _traces(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(flat(resource.resource.attributes))
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        {
                            "name": span.name,
                            "kind": span.kind,
                            "trace_id": span.trace_id.hex(),
                            "parent": span.parent_span_id.hex(),
                            "status": span.status.code,
                            **flat(span.attributes),
                        }
                    )

    def _logs(self, body: bytes) -> None:
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    self.logs.append(
                        {
                            "event_name": record.event_name,
                            "body": record.body.string_value,
                            "severity": record.severity_text,
                            "trace_id": record.trace_id.hex(),
                            **flat(record.attributes),
                        }
                    )

    def _metrics(self, body: bytes) -> None:
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in (*metric.sum.data_points, *metric.gauge.data_points):
                        value = point.as_int or point.as_double
                        self.points.append({"name": metric.name, "value": value, **flat(point.attributes)})

    async def _envelope(self, request: Request) -> Response:
        body = decompressed(await request.body(), request.headers.get("content-encoding", ""))
        lines = body.split(b"\n")
        for header, payload in itertools.pairwise(lines):
            if b'"type":"event"' in header.replace(b" ", b"")[:40]:
                self.errors.append(json.loads(payload))
        return JSONResponse({"id": "0" * 32})


def decompressed(body: bytes, encoding: str) -> bytes:
    """Undo a Content-Encoding."""
    match encoding:
        case "gzip":
            return gzip.decompress(body)
        case "br":
            return bytes(brotli.decompress(body))
        case "deflate":
            return zlib.decompress(body)
    return body


def flat(attributes: Any) -> dict[str, Any]:
    """OTLP attributes as a dict."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in attributes}
