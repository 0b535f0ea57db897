"""Unmodified OpenTelemetry and Sentry clients against running processes."""

import logging
import secrets

import pytest
import sentry_sdk
import sentry_sdk.logger
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from .conftest import DSN_KEY, KEY, Plant

HEADERS = {"Authorization": f"Bearer {KEY}"}


def resource(service: str) -> Resource:
    return Resource({"service.name": service, "service.version": "1.2.3", "deployment.environment.name": "staging"})


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_spans_arrive_with_their_exceptions_and_rollups(plant: Plant, compression: Compression) -> None:
    service = f"spans-{compression.value}"
    provider = TracerProvider(resource=resource(service))
    exporter = OTLPSpanExporter(f"{plant.url}/v1/traces", headers=HEADERS, compression=compression)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("acme.web")
    server_attributes = {"http.request.method": "GET", "http.route": "/tasks/{id}", "http.response.status_code": 500}
    with (
        pytest.raises(ValueError, match="boom"),
        tracer.start_as_current_span("GET /tasks/{id}", kind=SpanKind.SERVER, attributes=server_attributes) as span,
    ):
        span.set_attribute("user.id", "u1")
        span.set_attribute("tags", ["a", "b"])
        raise ValueError("boom")
    provider.shutdown()
    [row] = plant.ask_until(f"SELECT * FROM spans WHERE service = '{service}'", bool)
    assert (row["project"], row["environment"], row["release"]) == ("acme", "staging", "1.2.3")
    assert (row["kind"], row["status"], row["http_status"], row["user_id"]) == ("server", "error", 500, "u1")
    assert row["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert row["events"][0]["attributes"]["exception.message"] == "boom"
    assert row["attributes"]["tags"] == '["a","b"]'
    assert row["scope"] == "acme.web"
    counted = "sum(requests) AS requests, sum(failures) AS failures"
    for table in ("requests_by_minute", "requests_received"):
        rows = plant.ask(f"SELECT {counted}, any(route) AS route FROM {table} WHERE service = '{service}'")
        assert rows == [{"requests": 1, "failures": 1, "route": "/tasks/{id}"}]
    assert plant.ask(f"SELECT began <= ended AS sane FROM trace_times WHERE trace_id = '{row['trace_id']}'") == [
        {"sane": True}
    ]


def test_logs_and_business_events_arrive(plant: Plant) -> None:
    provider = LoggerProvider(resource=resource("logs"))
    provider.add_log_record_processor(
        SimpleLogRecordProcessor(OTLPLogExporter(f"{plant.url}/v1/logs", headers=HEADERS, compression=Compression.Gzip))
    )
    logger = logging.Logger("acme.billing")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    logger.warning("card declined", extra={"attempt": 3, "ratio": 0.5, "final": False})
    event = {"event.name": "payment.succeeded", "user.id": "u9", "amount_minor": 1900, "currency": "EUR"}
    logger.info("payment", extra=event)
    provider.shutdown()
    rows = plant.ask_until("SELECT * FROM logs WHERE service = 'logs' ORDER BY time", lambda rows: len(rows) == 2)
    assert (rows[0]["body"], rows[0]["severity_text"], rows[0]["severity_number"]) == ("card declined", "WARN", 13)
    assert {rows[0]["attributes"][name] for name in ("attempt", "ratio", "final")} == {"3", "0.5", "false"}
    [event_row] = plant.ask_until("SELECT * FROM events WHERE service = 'logs'", bool)
    assert (event_row["name"], event_row["user_id"]) == ("payment.succeeded", "u9")
    assert (event_row["amount_minor"], event_row["currency"]) == (1900, "EUR")


def test_metrics_of_every_kind_arrive(plant: Plant) -> None:
    exporter = OTLPMetricExporter(f"{plant.url}/v1/metrics", headers=HEADERS)
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, 600_000)], resource=resource("metrics"))
    meter = provider.get_meter("acme")
    meter.create_counter("jobs").add(5)
    pool = meter.create_up_down_counter("db.client.connections.usage")
    pool.add(0, {"state": "used", "pool.name": "main"})
    meter.create_gauge("temperature", unit="Cel").set(-1.5)
    meter.create_histogram("wait", explicit_bucket_boundaries_advisory=[1, 10]).record(4)
    provider.shutdown()
    rows = plant.ask_until("SELECT * FROM metrics WHERE service = 'metrics'", lambda rows: len(rows) == 4)
    found = {row["name"]: row for row in rows}
    assert (found["jobs"]["type"], found["jobs"]["value"], found["jobs"]["monotonic"]) == ("sum", 5, True)
    assert found["db.client.connections.usage"]["value"] == 0
    assert found["db.client.connections.usage"]["attributes"] == {"state": "used", "pool.name": "main"}
    assert (found["temperature"]["type"], found["temperature"]["value"]) == ("gauge", -1.5)
    assert (found["wait"]["count"], found["wait"]["buckets"], found["wait"]["bounds"]) == (1, [0, 1, 0], [1, 10])


def test_sentry_errors_transactions_and_logs_arrive(plant: Plant) -> None:
    tag = secrets.token_hex(4)
    client = sentry_sdk.Client(
        dsn=f"http://{DSN_KEY}@127.0.0.1:{plant.port}/7",
        release="9.9",
        environment="preview",
        traces_sample_rate=1.0,
        enable_logs=True,
        default_integrations=False,
    )
    scope = sentry_sdk.Scope(client=client)
    with sentry_sdk.scope.use_isolation_scope(scope), sentry_sdk.scope.use_scope(scope):
        scope.set_client(client)
        scope.set_tag("service", f"shop-{tag}")
        scope.set_user({"id": "u3"})
        with sentry_sdk.start_transaction(op="http.server", name="GET /cart"):
            with sentry_sdk.start_span(op="db", name="SELECT 1"):
                pass
            try:
                raise LookupError("no cart 17")
            except LookupError as error:
                event_id = sentry_sdk.capture_exception(error)
        sentry_sdk.logger.warning("low stock of {item}", item=tag)
    client.close(timeout=5)
    [row] = plant.ask_until(f"SELECT * FROM errors WHERE event_id = '{event_id}'", bool)
    assert (row["type"], row["message"], row["service"]) == ("LookupError", "no cart 17", f"shop-{tag}")
    assert (row["environment"], row["release"], row["user_id"]) == ("preview", "9.9", "u3")
    assert row["culprit"].endswith("test_sentry_errors_transactions_and_logs_arrive")
    assert len(row["fingerprint"]) == 32
    assert row["handled"] is True
    spans = plant.ask_until(f"SELECT * FROM spans WHERE service = 'shop-{tag}'", lambda rows: len(rows) == 2)
    assert {(span["name"], span["kind"]) for span in spans} == {("GET /cart", "server"), ("SELECT 1", "client")}
    assert {span["trace_id"] for span in spans} == {row["trace_id"]}
    [log] = plant.ask_until(f"SELECT * FROM logs WHERE body = 'low stock of {tag}'", bool)
    assert (log["severity_text"], log["environment"]) == ("WARN", "preview")
