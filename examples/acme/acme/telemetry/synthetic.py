"""What is not a customer: journeys say so in their baggage, and their people live below a domain of their own.

Requests carry W3C baggage `synthetic=true`; it is copied onto every span and log record within. What happens later and
elsewhere (a payment's webhook) has no baggage: there the owner's address tells.
"""

from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import Span, SpanProcessor

DOMAIN = "@synthetic.acme.example"
ATTRIBUTE = "user_agent.synthetic.type"
KIND = "test"


def is_synthetic(email: str | None = None, context: Context | None = None) -> bool:
    """Whether the running request, or the person with this address, is a journey's."""
    return baggage.get_baggage("synthetic", context) == "true" or (email or "").lower().endswith(DOMAIN)


class MarkSpans(SpanProcessor):
    """Marks the spans of synthetic requests."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if is_synthetic(context=parent_context):
            span.set_attribute(ATTRIBUTE, KIND)


class MarkRecords(LogRecordProcessor):
    """Marks the log records of synthetic requests."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        if is_synthetic(context=log_record.log_record.context):
            record = log_record.log_record
            record.attributes = {**(record.attributes or {}), ATTRIBUTE: KIND}

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True
