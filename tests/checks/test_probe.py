"""One probe: what it sends, and how it judges what comes back."""

import asyncio
import ipaddress
import re
from datetime import timedelta

import pytest

from golive.checks.kind import Seen
from golive.checks.kinds.http import HttpSection
from golive.checks.probe import Target, explain, headers, judge, probe
from golive.checks.verdict import Outcome
from golive.kit.connections import Fault, OutboundError, Phases, Policy

LOOPBACK = Policy((ipaddress.ip_network("127.0.0.0/8"),))
MARKER = "abcdef012345"


def target(url: str = "http://127.0.0.1/", latency: timedelta | None = None, **wanted: object) -> Target:
    section = HttpSection.model_validate({"url": url, **wanted})
    return Target(1, "acme", "home", url, timedelta(seconds=60), latency=latency, wanted=section)


@pytest.mark.parametrize(
    ("ok", "took_ms", "latency", "outcome", "said"),
    [
        (True, 50, None, Outcome.UP, "fine"),
        (False, 50, None, Outcome.DOWN, "fine"),
        (True, 2500, 2, Outcome.DOWN, "took 2.5s, more than 2s"),
        (True, 1500, 2, Outcome.UP, "fine"),
        (False, 2500, 2, Outcome.DOWN, "fine"),
    ],
)
def test_judging_what_was_seen(ok: bool, took_ms: float, latency: int | None, outcome: Outcome, said: str) -> None:
    limit = timedelta(seconds=latency) if latency else None
    assert judge(target(latency=limit), Seen(ok, "fine", Phases(total_ms=took_ms))) == (outcome, said)


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
