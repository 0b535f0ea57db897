"""Turns telemetry on when the standard variables ask for it.

`OTEL_EXPORTER_OTLP_ENDPOINT` (with `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`) sends
traces, metrics and logs; `SENTRY_DSN` sends unhandled errors.
"""

import logging
import os
import uuid
from collections.abc import Callable

import sentry_sdk
from fastapi import FastAPI
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from sentry_sdk.integrations.fastapi import FastApiIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.otlp import OTLPIntegration
from sentry_sdk.integrations.starlette import StarletteIntegration
from sqlalchemy import Engine

from acme import __version__
from acme.database import POOL_NAME
from acme.telemetry.synthetic import MarkRecords, MarkSpans

logger = logging.getLogger(__name__)

_FLUSH_MILLISECONDS = 2000

Stop = Callable[[], None]


def start_telemetry(app: FastAPI, engine: Engine) -> Stop:
    """Instrument this process. Returns what to call at the end, which sends what is still held back."""
    _start_sentry()
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        logger.info("telemetry is off: OTEL_EXPORTER_OTLP_ENDPOINT is not set")
        return lambda: None
    # The stable names of HTTP and database attributes, in place of those from before 2024.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    resource = _resource()
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(MarkSpans())
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource)
    records = LoggerProvider(resource=resource)
    records.add_log_record_processor(MarkRecords())
    records.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(meters)
    set_logger_provider(records)

    LoggingInstrumentor().instrument()
    SQLAlchemyInstrumentor().instrument(engine=engine)
    FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"])
    _report_pool_size(engine)

    def stop() -> None:
        for provider in (tracers, records, meters):
            provider.force_flush(_FLUSH_MILLISECONDS)

    return stop


def _resource() -> Resource:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over these. Each worker is an instance with its own pool."""
    named = Resource.create({SERVICE_INSTANCE_ID: str(uuid.uuid4())})
    ours = {SERVICE_VERSION: __version__}
    if str(named.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        named = named.merge(Resource({SERVICE_NAME: "acme"}))
    return Resource(ours).merge(named)


def _start_sentry() -> None:
    dsn = os.environ.get("SENTRY_DSN")
    if not dsn:
        return
    sentry_sdk.init(
        dsn=dsn,
        release=os.environ.get("SENTRY_RELEASE") or __version__,
        send_default_pii=False,
        integrations=[
            # Events take the trace of the OpenTelemetry span they happen in; traces themselves go by OTLP.
            OTLPIntegration(setup_otlp_traces_exporter=False, setup_propagator=False),
            LoggingIntegration(event_level=None),
            StarletteIntegration(transaction_style="url"),
            FastApiIntegration(transaction_style="url"),
        ],
    )


def _report_pool_size(engine: Engine) -> None:
    """The instrumentation counts connections in use; how many there may be only we know."""
    most = getattr(engine.pool, "size")() + getattr(engine.pool, "_max_overflow", 0)  # noqa: B009

    def observe(options: CallbackOptions) -> list[Observation]:
        return [Observation(most, {"pool.name": POOL_NAME})]

    metrics.get_meter("acme").create_observable_gauge(
        "db.client.connections.max",
        callbacks=[observe],
        unit="{connection}",
        description="The maximum number of open connections allowed.",
    )
