"""One probe: what it sends, and how it judges what comes back."""

import asyncio
import ipaddress
import re
from datetime import timedelta

import pytest

from golive.checks.probe import Target, explain, headers, judge, probe
from golive.checks.verdict import Outcome
from golive.kit.outbound import Answer, Fault, OutboundError, Phases, Policy

LOOPBACK = Policy((ipaddress.ip_network("127.0.0.0/8"),))
MARKER = "abcdef012345"
TARGET = Target(1, "acme", "home", "http://127.0.0.1/", timedelta(seconds=60))


def answer(status: int = 200, body: bytes = b"all ok", took_ms: float = 50, truncated: bool = False) -> Answer:
    return Answer("http://x/", status, (), body, truncated, "127.0.0.1", 0, Phases(total_ms=took_ms))


def target(**changes: object) -> Target:
    return Target(**{**TARGET.__dict__, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expects", "given", "outcome", "said"),
    [
        ({}, answer(), Outcome.UP, "answered 200 in 50ms"),
        ({}, answer(503), Outcome.DOWN, "answered 503, not 200"),
        ({"status": (200, 204)}, answer(404), Outcome.DOWN, "answered 404, not 200 or 204"),
        ({"status": (401,)}, answer(401), Outcome.UP, "answered 401"),
        ({"latency": timedelta(seconds=2)}, answer(took_ms=2500), Outcome.DOWN, "took 2.5s, more than 2s"),
        ({"latency": timedelta(seconds=2)}, answer(took_ms=1500), Outcome.UP, "1.5s"),
        ({"contains": "ok"}, answer(), Outcome.UP, "200"),
        ({"contains": "fine"}, answer(), Outcome.DOWN, "the body does not contain 'fine'"),
        ({"contains": "fine"}, answer(truncated=True), Outcome.DOWN, "first MiB"),
        ({"contains": "grün"}, answer(body="alles grün".encode()), Outcome.UP, "200"),
    ],
)
def test_judging_an_answer(expects: dict[str, object], given: Answer, outcome: Outcome, said: str) -> None:
    judged, reason = judge(target(**expects), given)
    assert judged == outcome
    assert said in reason


@pytest.mark.parametrize(
    ("fault", "stalled", "outcome"),
    [
        (Fault.TARGET, 0.0, Outcome.DOWN),
        (Fault.TARGET, 3.0, Outcome.FAULT),
        (Fault.OURS, 0.0, Outcome.FAULT),
        (Fault.REFUSED, 0.0, Outcome.FAULT),
        (Fault.INPUT, 0.0, Outcome.FAULT),
    ],
)
def test_only_the_targets_own_fault_counts_as_down(fault: Fault, stalled: float, outcome: Outcome) -> None:
    assert explain(OutboundError(fault, "no"), timedelta(seconds=stalled))[0] == outcome


def test_probes_are_marked_as_golives_own() -> None:
    sent = headers(MARKER, "0123456789abcdef" * 2 + "0123")
    assert re.fullmatch(rf"00-{MARKER}[0-9a-f]{{20}}-[0-9a-f]{{16}}-01", sent["traceparent"])
    assert sent["user-agent"].startswith("golive-probe/")
    assert sent["sentry-trace"].startswith(MARKER)


async def test_a_probe_of_a_real_server_then_of_none() -> None:
    heads: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/healthz"
    result = await probe(target(url=url, contains="ok"), MARKER, LOOPBACK)
    assert (result.attempt.outcome, result.status) == (Outcome.UP, 200)
    assert f"00-{result.trace_id}-" in heads[0]
    row = result.row()
    assert (row["ok"], row["kind"], row["http_status"], row["synthetic"]) == (True, "http", 200, True)
    assert row["latency_ms"] > 0
    server.close()
    await server.wait_closed()
    down = await probe(target(url=url), MARKER, LOOPBACK)
    assert (down.attempt.outcome, down.attempt.reason, down.status) == (Outcome.DOWN, "connection refused", 0)
    refused = await probe(target(url=url), MARKER, Policy())
    assert refused.attempt.outcome == Outcome.FAULT
    assert refused.row()["kind"] == "fault"


async def test_a_bare_path_without_an_address_is_our_fault_not_an_outage() -> None:
    result = await probe(target(url="/healthz"), MARKER, LOOPBACK)
    assert result.attempt.outcome == Outcome.FAULT
