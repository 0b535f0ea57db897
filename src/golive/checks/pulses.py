"""Pings of jobs in the database: written by the web process as they come, taken in by the pager."""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import close_old_connections, transaction
from django.utils import timezone

from golive.alerts.models import State
from golive.checks import definition, heartbeat
from golive.checks.heartbeat import Expectation, Pulse, Signal
from golive.checks.keeper import change_state
from golive.checks.kinds.heartbeat import HeartbeatSection
from golive.checks.models import Check, CheckState, Job, Ping
from golive.telemetry import facts

log = logging.getLogger("golive.checks")
KEPT = timedelta(days=30)
MOST_AT_ONCE = 1_000
LISTENING_SINCE = timezone.now()
"""When this process began; pings before it may have met nobody."""


def receive(uuid: UUID, signal: Signal, run: str = "", exit_status: int | None = None, note: str = "") -> bool:
    """Keep a ping; it is durable on return. False when no job has this address."""
    job = Job.objects.filter(uuid=uuid, check_row__kind="heartbeat").only("pk").first()
    if job is None:
        return False
    Ping.objects.create(job=job, at=timezone.now(), signal=signal, run=run, exit_status=exit_status, note=note)
    return True


def beat() -> None:
    """Take in what came and decide for every job."""
    close_old_connections()
    now = timezone.now()
    jobs = Job.objects.filter(check_row__kind="heartbeat").select_related("check_row__project", "check_row__state_row")
    for job in jobs:
        try:
            turn(job, now, LISTENING_SINCE)
        except Exception:
            log.exception("the turn of job %s failed; trying again soon", job.check_row.name)
    Ping.objects.filter(handled=True, at__lt=now - KEPT).delete()


def turn(job: Job, now: datetime, listening_since: datetime | None = None) -> None:
    """One job: its new pings, then its state. Results are recorded before the pings count as handled."""
    check = job.check_row
    wanted = definition.of(check)
    if not isinstance(wanted, HeartbeatSection):
        return
    pings = list(job.pings.filter(handled=False).order_by("pk")[:MOST_AT_ONCE])
    pulse, rows = _pulse(job), []
    for ping in pings:
        taken = heartbeat.take(pulse, Signal(ping.signal), ping.at, ping.run, ping.exit_status)
        pulse = taken.pulse
        if taken.ok is not None:
            rows.append(_row(check, ping.at, taken.ok, taken.reason, taken.took))
    expected = Expectation(wanted.every, wanted.grace, wanted.longest or wanted.grace)
    old = State(check.state_row.state)
    # What is down already stays so until a ping says otherwise.
    verdict = heartbeat.decide(pulse, expected, now, None if old == State.FIRING else listening_since)
    if verdict.state is State.FIRING and old != State.FIRING and not any(not row["ok"] for row in rows):
        rows.append(_row(check, now, False, verdict.text, None))
    if rows:
        facts.record("check_results", rows)
    with transaction.atomic():
        handled = Ping.objects.filter(pk__in=[ping.pk for ping in pings], handled=False).update(handled=True)
        if handled != len(pings):
            transaction.set_rollback(True)  # another pager has taken them
            return
        if pings:
            _save(job, pulse)
        if verdict.state != old:
            change_state(check.pk, old, verdict, now)
        CheckState.objects.filter(check_row=check, state=verdict.state).update(
            checked_at=now, reason=verdict.text[:500]
        )


def _pulse(job: Job) -> Pulse:
    runs = {run: datetime.fromisoformat(at) for run, at in job.runs.items()}
    return Pulse(job.since, job.succeeded_at, job.failed_at, job.failure, runs)


def _save(job: Job, pulse: Pulse) -> None:
    job.succeeded_at, job.failed_at, job.failure = pulse.succeeded_at, pulse.failed_at, pulse.failure
    job.runs = {run: at.isoformat() for run, at in pulse.runs.items()}
    job.save(update_fields=["succeeded_at", "failed_at", "failure", "runs"])


def _row(check: Check, at: datetime, ok: bool, reason: str, took: timedelta | None) -> dict[str, Any]:
    """A row of `check_results`; the latency is how long the run took, where its start is known."""
    return {
        "project": check.project.slug,
        "environment": check.environment,
        "release": "",
        "synthetic": True,
        "time": at,
        "check_name": check.name,
        "kind": "heartbeat",
        "region": "",
        "ok": ok,
        "reason": reason,
        "http_status": 0,
        "latency_ms": took / timedelta(milliseconds=1) if took else 0.0,
        "dns_ms": 0.0,
        "connect_ms": 0.0,
        "tls_ms": 0.0,
        "first_byte_ms": 0.0,
        "trace_id": "",
    }
