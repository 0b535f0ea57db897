"""Journeys as monitors: due → run in a job → keep evidence → decide → save → flip. Never in the pager."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import close_old_connections

from golive import journeys
from golive.alerts.models import State
from golive.checks import definition, verdict
from golive.checks.keeper import change_state
from golive.checks.kinds.journey import JourneySection
from golive.checks.models import Check, CheckState
from golive.checks.verdict import Attempt, Outcome
from golive.config.models import Applied
from golive.jobs import queue
from golive.jobs.kinds import JobError, Kind, Work, register
from golive.jobs.models import Job
from golive.journeys import Results
from golive.journeys.keep import keep
from golive.journeys.models import Run
from golive.kit.folders import kept_secret
from golive.people.secrets import SecretError, resolve
from golive.telemetry import facts

REMEMBERED = 12
AGAIN_AFTER = timedelta(seconds=5)
OUTCOMES = {
    journeys.Outcome.PASSED.value: Outcome.UP,
    journeys.Outcome.FAILED.value: Outcome.DOWN,
    journeys.Outcome.UNKNOWN.value: Outcome.FAULT,
}


def ask_for_due() -> None:
    """Queue the journeys whose time has come; one that is queued or running is not queued again."""
    close_old_connections()
    now = datetime.now(UTC)
    for check in Check.objects.filter(kind="journey").select_related("state_row"):
        last = Job.objects.filter(kind=JOURNEY.name, payload__check=check.pk).order_by("-pk").first()
        times = [check.state_row.checked_at, last.created_at if last else None]
        looked = max((at for at in times if at is not None), default=None)
        if looked is None or now - looked >= check.every:
            ask_for(check, now)


def ask_for(check: Check, now: datetime, after: timedelta = timedelta(), by: str = "golive") -> Job | None:
    """Queue one run, unless one waits already."""
    waiting = Job.objects.filter(kind=JOURNEY.name, payload__check=check.pk).exclude(state__in=queue.ENDED)
    if waiting.exclude(state="running").exists() or (not after and waiting.exists()):
        return None
    wanted = definition.of(check)
    patience = wanted.timeout if isinstance(wanted, JourneySection) else timedelta(minutes=5)
    return queue.enqueue(
        JOURNEY.name,
        {"check": check.pk},
        now=now,
        subject=check.name,
        requested_by=by,
        after=after,
        timeout=patience + timedelta(minutes=2),
    )


def run_once(check: Check, evidence: Path) -> Results:
    """Run a check's journeys now; keeps nothing but what lies in `evidence`."""
    wanted = definition.of(check)
    if not isinstance(wanted, JourneySection):
        raise JobError(f"{check.name} is no journey")
    try:
        referred = {name: resolve(reference) for name, reference in wanted.references().items()}
    except SecretError as error:
        raise JobError(str(error)) from error
    return journeys.run(
        wanted.file,
        wanted.url or check.project.url,
        folder=repository(check),
        evidence=evidence,
        python=Path(wanted.python) if wanted.python else None,
        proves=wanted.proves,
        environment={**wanted.environment, **referred},
        marker=kept_secret("synthetic-marker")[:12],
        timeout=wanted.timeout,
    )


def repository(check: Check) -> Path:
    """The folder of the golive.toml that was applied last. Raises JobError."""
    last = Applied.objects.filter(project_number=check.project_id).order_by("-pk").first()
    if last is None or not last.files:
        raise JobError("it is not known where the journeys are: apply golive.toml again")
    return Path(last.files[0]).parent


def watch(work: Work) -> dict[str, Any]:
    """The job: run, keep, decide."""
    check = Check.objects.select_related("project", "state_row").filter(pk=work.payload["check"]).first()
    if check is None:
        raise JobError("this check is gone")
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="golive-evidence-") as place:
        folder = Path(place) / "run"
        try:
            found = run_once(check, folder)
        except JobError as error:  # what cannot be run is unknown, with its reason on the page
            found = Results(journeys.Outcome.UNKNOWN, str(error), (), timedelta(), folder)
        print(found.output)
        run = keep(check.project, check.name, found, began)
    facts.record("check_results", [_row(check, run)])
    facts.flush()
    again = _decide(check, datetime.now(UTC))
    if again:
        ask_for(check, datetime.now(UTC), AGAIN_AFTER)
    return {"run": run.pk, "outcome": run.outcome, "reason": run.reason}


def _decide(check: Check, now: datetime) -> bool:
    """The state after the latest runs; true when it should be tried again at once."""
    runs = list(Run.objects.filter(project=check.project, check_name=check.name)[:REMEMBERED])
    attempts = [Attempt(run.at, OUTCOMES[run.outcome], run.reason) for run in reversed(runs)]
    old = State(CheckState.objects.values_list("state", flat=True).get(check_row=check))
    found = verdict.decide(old, attempts)
    if found.state != old:
        change_state(check.pk, old, found, now)
    CheckState.objects.filter(check_row=check).update(checked_at=now)
    CheckState.objects.filter(check_row=check, state=State.UNKNOWN).update(reason=found.text[:500])
    return found.check_again


def _row(check: Check, run: Run) -> dict[str, Any]:
    bad = next((one for one in run.results if one["outcome"] != "passed"), None)
    shown = bad or (run.results[0] if run.results else {})
    return {
        "project": check.project.slug,
        "environment": check.environment,
        "release": "",
        "synthetic": True,
        "time": run.at,
        "check_name": check.name,
        "kind": "fault" if run.outcome == "unknown" else "journey",
        "region": "built-in",
        "ok": run.outcome == "passed",
        "reason": run.reason,
        "http_status": 0,
        "latency_ms": run.seconds * 1000,
        "dns_ms": 0.0,
        "connect_ms": 0.0,
        "tls_ms": 0.0,
        "first_byte_ms": 0.0,
        "trace_id": shown.get("trace_id", ""),
    }


JOURNEY = register(Kind("checks.journey", watch, timeout=timedelta(minutes=10), max_attempts=2))
