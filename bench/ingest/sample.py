"""The records that both sides store: web server logs of about 222 bytes each, as an SDK would send them."""

import random
import time

from golive.telemetry.proto import message_class

RECORDS = 1000
TEMPLATES = 100
_ROUTES = [f"/{area}/{{id}}/{verb}" for area in ("api/tasks", "api/users", "cart", "reports") for verb in ("", "edit")]
_WORDS = ["order", "invoice", "task", "report", "user", "plan", "seat", "cache", "query", "worker", "retry", "timeout"]


def templates(seed: int = 7) -> list[bytes]:
    """TEMPLATES different requests of RECORDS records."""
    chance = random.Random(seed)
    return [_request(chance) for _ in range(TEMPLATES)]


def numbered(template: bytes, number: int) -> bytes:
    """The same request made unlike all others by an empty resource behind it (requests concatenate)."""
    tail = message_class("Logs")()
    attribute = tail.resource_logs.add().resource.attributes.add(key="number")  # type: ignore[attr-defined]
    attribute.value.int_value = number
    return template + tail.SerializeToString()


def _request(chance: random.Random) -> bytes:
    request = message_class("Logs")()
    resource = request.resource_logs.add()  # type: ignore[attr-defined]
    for key, value in (("service.name", "web"), ("service.version", "1.4.2"), ("host.name", "web-1")):
        resource.resource.attributes.add(key=key).value.string_value = value
    scope = resource.scope_logs.add()
    scope.scope.name = "acme.web"
    now = time.time_ns() - 60_000_000_000
    for _ in range(RECORDS):
        now += chance.randrange(100_000)
        words = " ".join(chance.choices(_WORDS, k=8))
        status = chance.choice([200, 200, 200, 201, 302, 404, 500])
        record = scope.log_records.add(
            time_unix_nano=now,
            observed_time_unix_nano=now + 1000,
            severity_number=17 if status == 500 else 9,
            severity_text="ERROR" if status == 500 else "INFO",
            trace_id=chance.randbytes(16),
            span_id=chance.randbytes(8),
        )
        record.body.string_value = f"{words} {chance.randrange(10**6)} took {chance.randrange(900)} ms"
        record.attributes.add(key="http.route").value.string_value = chance.choice(_ROUTES)
        record.attributes.add(key="http.response.status_code").value.int_value = status
        record.attributes.add(key="user.id").value.string_value = f"u{chance.randrange(5000)}"
    return request.SerializeToString()
