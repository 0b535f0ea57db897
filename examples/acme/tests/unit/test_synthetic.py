"""Journeys are marked in what acme tells: by their baggage, and afterwards by their people's addresses."""

from collections.abc import Iterator

import pytest
from opentelemetry import baggage, context
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from acme.telemetry.synthetic import ATTRIBUTE, KIND, MarkRecords, MarkSpans, is_synthetic


@pytest.fixture
def journey() -> Iterator[None]:
    token = context.attach(baggage.set_baggage("synthetic", "true"))
    yield
    context.detach(token)


@pytest.mark.parametrize(
    ("email", "synthetic"),
    [
        ("journey-1@synthetic.acme.example", True),
        ("Journey-1@Synthetic.Acme.Example", True),
        ("ada@acme.example", False),
        ("ada@synthetic.acme.example.evil.example", False),
        (None, False),
    ],
)
def test_an_address_tells(email: str | None, synthetic: bool) -> None:
    assert is_synthetic(email) is synthetic


def _span_and_record() -> tuple[object, object]:
    spans = InMemorySpanExporter()
    records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    tracers, loggers = TracerProvider(), LoggerProvider()
    tracers.add_span_processor(MarkSpans())
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(MarkRecords())
    loggers.add_log_record_processor(SimpleLogRecordProcessor(records))
    with tracers.get_tracer("test").start_as_current_span("request"):
        loggers.get_logger("test").emit(LogRecord(body="hello", attributes={"own": 1}))
    attributes = records.get_finished_logs()[0].log_record.attributes or {}
    assert attributes["own"] == 1
    return (spans.get_finished_spans()[0].attributes or {}).get(ATTRIBUTE), attributes.get(ATTRIBUTE)


@pytest.mark.usefixtures("journey")
def test_a_journeys_spans_and_records_are_marked() -> None:
    assert _span_and_record() == (KIND, KIND)


def test_a_customers_are_not() -> None:
    assert _span_and_record() == (None, None)
