"""The tag by which telemetry knows a journey's requests from customers': W3C trace context and baggage.

The baggage says `synthetic=SIGNATURE`, the signature of the trace id by a key that golive gives to journeys and to the
application; `genuine` verifies it. Without a key (a run by hand) it is `synthetic=true`, which proves nothing.
"""

import hmac
import os
import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote

PREFIX = "GOLIVE_TRACE_PREFIX"
KEY = "GOLIVE_SYNTHETIC_KEY"
TICKET = "GOLIVE_PREVIEW_PASS"  # lets a pipeline's journeys into a preview that asks for a login
COOKIE = "golive_preview"
_HEX = re.compile(r"[0-9a-f]{0,24}")


def signature(trace_id: str, key: str | None = None) -> str:
    """What the baggage of a trace (32 hex digits) must say to be believed; "" without a key."""
    key = os.environ.get(KEY, "") if key is None else key
    return hmac.digest(key.encode(), trace_id.encode(), "sha256").hex()[:32] if key else ""


def genuine(said: str, trace_id: str, key: str | None = None) -> bool:
    """Whether the value of `synthetic` in a request's baggage was signed for its trace; `key` is the environment's."""
    expected = signature(trace_id, key)
    return bool(expected) and hmac.compare_digest(said.encode(), expected.encode())


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
        return {
            **({"Golive-Preview-Pass": ticket()} if ticket() else {}),
            "traceparent": f"00-{self.trace_id}-{secrets.token_hex(8)}-01",
            "baggage": f"synthetic={signature(self.trace_id) or 'true'},golive.journey={quote(self.journey)}",
        }


def ticket() -> str:
    """The pass into a protected preview, or nothing."""
    given = os.environ.get(TICKET, "")
    return given if given.isprintable() else ""
