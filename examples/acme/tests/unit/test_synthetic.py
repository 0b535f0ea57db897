"""Journeys are marked in what acme tells: by their baggage, and afterwards by their people's addresses."""

import hmac
from collections.abc import Iterator

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from acme.telemetry.synthetic import ATTRIBUTE, KIND, MarkRecords, MarkSpans, is_synthetic

TRACE = 0xABCDEF0123456789ABCDEF0123456789
KEY = "a key that golive shares with acme"


@pytest.fixture(params=["signed", "true", "unkeyed"])
def request_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A request with a baggage: signed, merely claimed, or signed where acme has no key."""
    if request.param != "unkeyed":
        monkeypatch.setenv("GOLIVE_SYNTHETIC_KEY", KEY)
    signed = hmac.digest(KEY.encode(), f"{TRACE:032x}".encode(), "sha256").hex()[:32]
    parent = trace.NonRecordingSpan(trace.SpanContext(TRACE, 1, True, trace.TraceFlags(1)))
    outer = trace.set_span_in_context(parent)
    token = context.attach(baggage.set_baggage("synthetic", "true" if request.param == "true" else signed, outer))
    yield request.param
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


def test_a_journeys_spans_and_records_are_marked_and_a_strangers_claim_is_not_believed(request_of: str) -> None:
    assert _span_and_record() == ((KIND, KIND) if request_of == "signed" else (None, None))


def test_the_signature_of_another_trace_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_SYNTHETIC_KEY", KEY)
    stolen = hmac.digest(KEY.encode(), f"{TRACE + 1:032x}".encode(), "sha256").hex()[:32]
    assert not is_synthetic(context=baggage.set_baggage("synthetic", stolen))


def test_a_customers_are_not() -> None:
    assert _span_and_record() == (None, None)
