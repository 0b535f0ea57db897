"""The tag by which telemetry knows a journey's requests from customers': W3C trace context and baggage."""

import os
import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote

PREFIX = "GOLIVE_TRACE_PREFIX"
TICKET = "GOLIVE_PREVIEW_PASS"  # lets a pipeline's journeys into a preview that asks for a login
_HEX = re.compile(r"[0-9a-f]{0,24}")


@dataclass(frozen=True)
class Tag:
    """One run of one journey: every request of it carries this trace and says that it is synthetic."""

    journey: str
    trace_id: str

    @classmethod
    def new(cls, journey: str) -> "Tag":
        """A tag with a trace id of its own; golive gives the prefix by which its ingest knows its own traffic."""
        prefix = os.environ.get(PREFIX, "")
        prefix = prefix if _HEX.fullmatch(prefix) else ""
        return cls(journey, prefix + secrets.token_hex(16)[len(prefix) :])

    def headers(self) -> dict[str, str]:
        """The headers of one request."""
        ticket = os.environ.get(TICKET, "")
        return {
            **({"Golive-Preview-Pass": ticket} if ticket.isprintable() and ticket else {}),
            "traceparent": f"00-{self.trace_id}-{secrets.token_hex(8)}-01",
            "baggage": f"synthetic=true,golive.journey={quote(self.journey)}",
        }
