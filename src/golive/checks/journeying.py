"""Journeys as monitors: due → run in a job → keep evidence → decide → save → flip. Never in the pager.

At home a run is a job; elsewhere a probe runs it and tells of it. What all of them saw is judged here.
"""

import tempfile
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import close_old_connections

from golive import journeys
from golive.alerts.models import State
from golive.checks import definition
from golive.checks.errands import OUTCOMES, out_of, patience_of
from golive.checks.judging import Judge, Regions, Watched
from golive.checks.keeper import change, errand_target, position_of
from golive.checks.kinds.journey import JourneySection
from golive.checks.maintenance import windows_of
from golive.checks.models import Check, CheckState, Probe
from golive.checks.network import ask_regions
from golive.checks.probe import REGION
from golive.checks.verdict import Attempt, Because, Outcome
from golive.config.models import Applied
from golive.jobs import queue
from golive.jobs.kinds import JobError, Kind, Work, register
from golive.jobs.models import Job
from golive.journeys import Results
from golive.journeys.keep import keep
from golive.journeys.models import Run
from golive.kit import synthetic
from golive.people.secrets import SecretError, resolve
from golive.telemetry import facts

REMEMBERED = 12
AGAIN_AFTER = timedelta(seconds=5)


def watch_over() -> None:
    """Queue the journeys whose time has come, and judge what probes tell of and what no longer comes."""
    close_old_connections()
    now, windows = datetime.now(UTC), windows_of()
    for check in Check.objects.filter(kind="journey").select_related("project", "state_row"):
        wanted = definition.of(check)
        if REGION in wanted.seen_from and _due(check, now):
            ask_for(check, now)
        if wanted.seen_from != [REGION] or wanted.depends_on or check.project.slug in windows:
            judge(check, now)  # what is seen elsewhere, a check below, the end of a window: it can change without a run


def _due(check: Check, now: datetime) -> bool:
    """Whether it is time for a run at home; one that is queued or running is not queued again."""
    job = Job.objects.filter(kind=JOURNEY.name, payload__check=check.pk).order_by("-pk").first()
    run = Run.objects.filter(project=check.project, check_name=check.name, region=REGION).order_by("-at").first()
    times = [job.created_at if job else None, run.at + timedelta(seconds=run.seconds) if run else None]
    looked = max((at for at in times if at is not None), default=None)
    return looked is None or now - looked >= check.every


def ask_everywhere(check: Check, now: datetime, by: str = "golive", after: timedelta = timedelta()) -> None:
    """Have it run now, wherever it is to run."""
    regions = definition.of(check).seen_from
    if REGION in regions:
        ask_for(check, now, after, by=by)
    if set(regions) - {REGION}:
        ask_regions([check.pk], now)


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
        marker=synthetic.marker(),
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
    CheckState.objects.filter(check_row=check).update(checked_at=datetime.now(UTC))
    Run.objects.filter(pk=run.pk).update(judged=False)
    judge(check, datetime.now(UTC))
    return {"run": run.pk, "outcome": run.outcome, "reason": run.reason}


def judge(check: Check, now: datetime) -> None:
    """The state after the latest runs of every region; a doubt that a new run leaves is looked into at once."""
    mine = Run.objects.filter(project=check.project, check_name=check.name)
    fresh = bool(mine.filter(judged=False).update(judged=True))
    check = Check.objects.select_related("project", "state_row").get(pk=check.pk)
    watched, court = _court(check, now)
    weighed = court.verdict(watched, now)
    found = weighed.verdict
    if found.position != watched.position:
        change(check.pk, watched.position, found, now)
    state = CheckState.objects.filter(check_row=check, state=State.UNKNOWN)
    if found.because is Because.NO_PROBE:
        state.update(reason=found.text[:500], checked_at=now)
    elif fresh:
        state.update(reason=found.text[:500])
    if fresh and found.check_again:
        ask_everywhere(check, now, after=AGAIN_AFTER)
    if fresh and weighed.ask:
        ask_regions([court.names[check.project.slug, name] for name in weighed.ask], now)


def _court(check: Check, now: datetime) -> tuple[Watched, Judge]:
    """What is known of a journey and of the checks that it depends on, before the judge of all checks."""
    target = errand_target(check)
    watched = _Patient(target, position_of(check))
    for region in target.regions:
        runs = Run.objects.filter(project=check.project, check_name=check.name, region=region).order_by("-at")
        told = [
            Attempt(run.at, OUTCOMES[journeys.Outcome(run.outcome)], run.reason, region) for run in runs[:REMEMBERED]
        ]
        watched.seen[region] = deque(reversed(told))
    court = Judge()
    court.add(check.pk, watched)
    court.regions = Regions(out_of(target.regions, list(Probe.objects.filter(token__revoked_at=None)), now))
    court.windows = dict(windows_of())
    for below in Check.objects.filter(project=check.project, name__in=target.below).select_related("state_row"):
        row = getattr(below, "state_row", None)
        at = row.checked_at if row else None
        court.add(below.pk, _below(below, at))
    return watched, court


class _Patient(Watched):
    """A journey: its runs take long."""

    @property
    def patience(self) -> timedelta:
        return patience_of(self.target.every, self.target.timeout)


def _below(check: Check, looked_at: datetime | None) -> Watched:
    """A check that a journey depends on: the pager knows its attempts, here its state says enough."""
    found = Watched(errand_target(check), position_of(check))
    if looked_at is not None:
        found.take(Attempt(looked_at, Outcome.UP, ""))
    return found


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
        "region": run.region,
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
