"""Ask one check's address once and judge the answer."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from golive import __version__
from golive.checks.kind import Asking, Common, Seen
from golive.checks.kinds import KINDS
from golive.checks.verdict import Attempt, Outcome
from golive.kit.clock import SYSTEM, Clock
from golive.kit.connections import Fault, Limits, OutboundError, Phases, Policy
from golive.kit.durations import format_duration

REGION = "built-in"


@dataclass(frozen=True)
class Target:
    """What to ask and what to expect: a check, free of the database.

    `wanted` are the keys of its kind; `secrets` what their references refer to, and `trouble` why one cannot be read.
    `regions` are those it is seen from (none: all), `below` the checks it depends on; `shift` is the share of the
    interval by which its turn comes later here than in the first region.
    """

    number: int
    project: str
    name: str
    url: str
    every: timedelta
    timeout: timedelta = timedelta(seconds=10)
    latency: timedelta | None = None
    environment: str = "production"
    wanted: Common = field(kw_only=True)
    secrets: Mapping[str, str] = field(kw_only=True, default_factory=dict, repr=False)
    trouble: str = field(kw_only=True, default="")
    regions: tuple[str, ...] = field(kw_only=True, default=())
    below: tuple[str, ...] = field(kw_only=True, default=())
    shift: float = field(kw_only=True, default=0.0)


@dataclass(frozen=True)
class Result:
    """One probe's result. `status` is 0 when there was no answer."""

    target: Target
    attempt: Attempt
    status: int = 0
    phases: Phases = field(default_factory=Phases)
    trace_id: str = ""

    def row(self) -> dict[str, Any]:
        """The row of `check_results`; a fault of ours has the kind "fault" and counts neither up nor down."""
        phases = self.phases
        return {
            "project": self.target.project,
            "environment": self.target.environment,
            "release": "",
            "synthetic": True,
            "time": self.attempt.at,
            "check_name": self.target.name,
            "kind": "fault" if self.attempt.outcome is Outcome.FAULT else self.target.wanted.kind,
            "region": self.attempt.region,
            "ok": self.attempt.outcome is Outcome.UP,
            "reason": self.attempt.reason,
            "http_status": self.status,
            "latency_ms": phases.total_ms,
            "dns_ms": phases.dns_ms or 0.0,
            "connect_ms": phases.connect_ms or 0.0,
            "tls_ms": phases.tls_ms or 0.0,
            "first_byte_ms": phases.first_byte_ms or 0.0,
            "trace_id": self.trace_id,
        }


def headers(marker: str, random_hex: str) -> dict[str, str]:
    """Headers that mark the request as golive's own: `marker` is 12 hex digits, `random_hex` 36.

    The trace id begins with the marker, by which ingest knows synthetic traffic from customers.
    """
    trace_id, span_id = marker + random_hex[:20], random_hex[20:36]
    return {
        "user-agent": f"golive-probe/{__version__}",
        "traceparent": f"00-{trace_id}-{span_id}-01",
        "sentry-trace": f"{trace_id}-{span_id}-1",
    }


def judge(target: Target, seen: Seen) -> tuple[Outcome, str]:
    """What was seen, and whether it came fast enough."""
    took = timedelta(milliseconds=seen.phases.total_ms)
    if seen.ok and target.latency is not None and took > target.latency:
        return Outcome.DOWN, f"took {format_duration(took)}, more than {format_duration(target.latency)}"
    return (Outcome.UP if seen.ok else Outcome.DOWN), seen.reason


def explain(error: OutboundError, stalled: timedelta) -> tuple[Outcome, str]:
    """What no answer means. When our own loop stood still meanwhile (`stalled`), a time-out proves nothing."""
    if error.fault is not Fault.TARGET:
        return Outcome.FAULT, str(error)
    if stalled > timedelta(seconds=1):
        return Outcome.FAULT, f"{error}, but golive itself stood still for {format_duration(stalled)}"
    return Outcome.DOWN, str(error)


async def probe(
    target: Target,
    marker: str,
    policy: Policy,
    *,
    clock: Clock = SYSTEM,
    stalls: Sequence[tuple[float, float]] = (),
    region: str = REGION,
) -> Result:
    """Probe once. Never raises for what the target does. `stalls` are (monotonic end, seconds) our loop stood still."""
    sent = headers(marker, secrets.token_hex(18))
    trace_id = sent["traceparent"].split("-")[1]
    began = clock.monotonic()
    try:
        seen = await _ask(target, Asking(target.url, Limits(target.timeout), policy, clock.now(), sent, target.secrets))
    except OutboundError as error:
        stalled = sum(seconds for end, seconds in stalls if end >= began)
        outcome, reason = explain(error, timedelta(seconds=stalled))
        return Result(target, _attempt(clock.now(), outcome, reason, region), phases=error.phases, trace_id=trace_id)
    outcome, reason = judge(target, seen)
    return Result(target, _attempt(clock.now(), outcome, reason, region), seen.status, seen.phases, trace_id)


async def _ask(target: Target, asking: Asking) -> Seen:
    ask = KINDS[target.wanted.kind].ask
    if target.trouble or ask is None:
        raise OutboundError(Fault.INPUT, target.trouble or f"a check of the kind {target.wanted.kind} is not asked")
    return await ask(target.wanted, asking)


def _attempt(at: datetime, outcome: Outcome, reason: str, region: str) -> Attempt:
    return Attempt(at, outcome, reason[:400], region)
