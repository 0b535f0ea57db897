"""OTLP over HTTP: POST /v1/logs, /v1/traces, /v1/metrics in protobuf and JSON."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.message import DecodeError

from golive.ingest.exchange import Exchange, Receiver
from golive.ingest.keep import framed, identity_of
from golive.ingest.keys import Key
from golive.ingest.otlp_check import Findings, check_logs, check_metrics, check_traces
from golive.ingest.otlp_json import JsonError, fill
from golive.ingest.replies import JSON, PROTOBUF, Refusal, Reply, status_reply
from golive.telemetry.proto import message_class

log = logging.getLogger(__name__)

LIMIT_BYTES = 20 << 20


@dataclass(frozen=True)
class Signal:
    """One of the three kinds of telemetry and how its requests are named."""

    stream: str
    message: str
    rejected: str
    check: Callable[[Any, int], Findings]


SIGNALS = {
    "/v1/logs": Signal("logs", "Logs", "rejected_log_records", check_logs),
    "/v1/traces": Signal("traces", "Traces", "rejected_spans", check_traces),
    "/v1/metrics": Signal("metrics", "Metrics", "rejected_data_points", check_metrics),
}


async def receive(exchange: Exchange) -> Reply:
    """Receive, check, spool, acknowledge."""
    content_type = _content_type(exchange)
    try:
        signal = SIGNALS[exchange.path]
        if exchange.method != "POST":
            raise Refusal(405, f"{exchange.path} takes POST.", Allow="POST, OPTIONS")
        key = _key(exchange)
        if not content_type:
            raise Refusal(415, "Content-Type must be application/x-protobuf or application/json.")
        exchange.throttle(key)
        body = await exchange.body(packed_limit=LIMIT_BYTES, limit=LIMIT_BYTES)
        exchange.spent(key, len(body))
        now_ns = time.time_ns()
        kept, findings = checked(signal, body, content_type, now_ns)
        if kept is not None:
            received_ms = now_ns // 1_000_000
            payload = framed(kept, key.project, received_ms, exchange.marker)
            await exchange.keep(signal.stream, payload, identity_of(key.digest, signal.stream, body), received_ms)
        return _accepted(signal, findings, content_type)
    except Refusal as refusal:
        return status_reply(refusal, content_type or JSON)


def checked(signal: Signal, body: bytes, content_type: str, now_ns: int) -> tuple[bytes | None, Findings]:
    """The request as it will be stored (None when nothing is left of it), and what was found. Raises Refusal."""
    request: Any = message_class(signal.message)()
    unreadable = Findings()
    if content_type == PROTOBUF:
        try:
            request.ParseFromString(body)
        except DecodeError as error:
            raise Refusal(400, f"The body is not a valid OTLP {signal.stream} request: {error}.") from error
    elif body:
        _read_json(request, body, signal, unreadable)
    findings = signal.check(request, now_ns)
    findings.rejected += unreadable.rejected
    findings.reason = unreadable.reason or findings.reason
    if not request.ListFields():
        return None, findings
    if findings.changed or content_type == JSON:
        return request.SerializePartialToString(), findings
    return body, findings


def _read_json(request: Any, body: bytes, signal: Signal, findings: Findings) -> None:
    try:
        fill(request, orjson.loads(body), findings.reject)
    except JsonError as error:
        raise Refusal(400, f"The body is not a valid OTLP {signal.stream} request: {error}.") from error
    except ValueError as error:
        raise Refusal(400, f"The body is not valid JSON: {error}.") from error


def _content_type(exchange: Exchange) -> str:
    """PROTOBUF, JSON, or an empty string for anything else."""
    named = exchange.header("content-type").partition(";")[0].strip().lower()
    if named in (PROTOBUF, "application/protobuf"):
        return PROTOBUF
    return JSON if named == JSON else ""


def _key(exchange: Exchange) -> Key:
    scheme, _, secret = exchange.header("authorization").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Refusal(
            401, "Send the project's ingest key: Authorization: Bearer gli_…", WWW_Authenticate='Bearer realm="golive"'
        )
    key = exchange.keys.find(secret.strip())
    if key is None or key.kind != "ingest":
        raise Refusal(
            401,
            "This ingest key is not known; the console shows the valid one under Settings.",
            WWW_Authenticate='Bearer realm="golive", error="invalid_token"',
        )
    return key


def _accepted(signal: Signal, findings: Findings, content_type: str) -> Reply:
    reply: Any = message_class(f"{signal.message}Reply")()
    if findings.rejected:
        setattr(reply.partial_success, signal.rejected, findings.rejected)
        reply.partial_success.error_message = f"{findings.rejected} refused; the first: {findings.reason}"
    if content_type == PROTOBUF:
        return Reply(200, reply.SerializeToString(), PROTOBUF)
    first, *rest = signal.rejected.split("_")
    name = first + "".join(map(str.capitalize, rest))
    partial = reply.partial_success
    told = {name: str(findings.rejected), "errorMessage": partial.error_message} if findings.rejected else {}
    return Reply(200, orjson.dumps({"partialSuccess": told}), JSON)


RECEIVER = Receiver(name="otlp", takes=SIGNALS.__contains__, receive=receive)
