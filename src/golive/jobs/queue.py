"""The queue: every change of a job's state goes through here, each a compare-and-swap that counts its rows."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from golive.jobs.kinds import JobError, kind_of
from golive.jobs.lease import LEASE, Decision, Move, Standing, decide, retry_after
from golive.jobs.models import Job, State

OUTPUT_CHARACTERS = 16_000
ENDED = (State.DONE, State.FAILED, State.CANCELLED)


def enqueue(
    kind: str,
    payload: dict[str, Any] | None = None,
    *,
    now: datetime,
    subject: str = "",
    requested_by: str = "golive",
    after: timedelta = timedelta(),
    timeout: timedelta | None = None,
    priority: int = 0,
) -> Job:
    """Put a job into the queue. Raises JobError when there is no such kind."""
    known = kind_of(kind)
    return Job.objects.create(
        kind=kind,
        payload=payload or {},
        subject=subject,
        requested_by=requested_by,
        run_after=now + after,
        max_attempts=known.max_attempts,
        timeout_seconds=round((timeout or known.timeout).total_seconds()),
        priority=priority,
    )


def claim(now: datetime) -> Job | None:
    """Take the next job that may run, or None. Any number of workers may ask; each job is given to one."""
    due = Q(state=State.QUEUED, run_after__lte=now) | Q(state=State.QUEUED, cancel_requested_at__isnull=False)
    lost = Q(state=State.RUNNING, lease_until__lte=now)
    for job in Job.objects.filter(due | lost).order_by("-priority", "id")[:20]:
        decision = decide(_standing(job), now)
        if decision.move is Move.RUN and _swap(
            job,
            state=State.RUNNING,
            attempts=F("attempts") + 1,
            lease=secrets.token_hex(16),
            lease_until=now + LEASE,
            started_at=now,
            output="",
            progress=None,
            note="",
            reason=decision.reason,
        ):
            job.refresh_from_db()
            return job
        if decision.move in (Move.CANCEL, Move.GIVE_UP):
            _end_unclaimed(job, decision, now)
    return None


def _standing(job: Job) -> Standing:
    return Standing(
        running=job.state == State.RUNNING,
        run_after=job.run_after,
        lease_until=job.lease_until,
        attempts=job.attempts,
        max_attempts=job.max_attempts,
        cancel_requested=job.cancel_requested_at is not None,
    )


def _swap(job: Job, **changes: Any) -> bool:
    """Change the row if nobody else has since it was read."""
    return bool(Job.objects.filter(pk=job.pk, state=job.state, lease=job.lease).update(**changes))


def _end_unclaimed(job: Job, decision: Decision, now: datetime) -> None:
    state = State.CANCELLED if decision.move is Move.CANCEL else State.FAILED
    _swap(job, state=state, finished_at=now, lease="", lease_until=None, reason=decision.reason)


def _held(job: Job) -> Any:
    """The row as long as this run's lease is the one in force: a worker that lost it changes nothing more."""
    return Job.objects.filter(pk=job.pk, state=State.RUNNING, lease=job.lease)


def renew(job: Job, output: str, now: datetime) -> bool:
    """Keep the lease and the output's tail. False when the lease is lost: then stop the work at once."""
    return bool(_held(job).update(lease_until=now + LEASE, output=output[-OUTPUT_CHARACTERS:]))


def tell(job: Job, share: float | None, note: str) -> None:
    """Record progress."""
    _held(job).update(progress=share, note=note[:200])


def complete(job: Job, result: Any, now: datetime) -> None:
    """The work itself succeeded; called in the subprocess, within the lease, which stays until `close`."""
    _held(job).update(state=State.DONE, finished_at=now, result=result, progress=1.0, note="", reason="done")


def close(job: Job, output: str) -> None:
    """Add the last output that a finished run leaves."""
    Job.objects.filter(pk=job.pk, state=State.DONE, lease=job.lease).update(
        output=output[-OUTPUT_CHARACTERS:], lease="", lease_until=None
    )


def fail(job: Job, reason: str, output: str, now: datetime, *, final: bool) -> None:
    """The run failed: try again later while attempts are left, unless trying again cannot help (`final`)."""
    again = not final and job.attempts < job.max_attempts
    changes: dict[str, Any] = {"lease": "", "lease_until": None, "reason": reason[:500]}
    if again:
        changes |= {"state": State.QUEUED, "run_after": now + retry_after(job.attempts)}
    else:
        changes |= {"state": State.FAILED, "finished_at": now}
    _held(job).update(output=output[-OUTPUT_CHARACTERS:], **changes)


def give_back(job: Job, output: str, now: datetime) -> None:
    """The worker is stopping: the job goes back into the queue and this attempt does not count."""
    _held(job).update(
        state=State.QUEUED, lease="", lease_until=None, run_after=now, attempts=F("attempts") - 1,
        output=output[-OUTPUT_CHARACTERS:], reason="the worker was stopped",
    )  # fmt: skip


def cancelled(job: Job, output: str, now: datetime) -> None:
    """The worker has stopped the run as was asked."""
    _held(job).update(
        state=State.CANCELLED, finished_at=now, lease="", lease_until=None, reason="cancelled while it ran",
        output=output[-OUTPUT_CHARACTERS:],
    )  # fmt: skip


def request_cancel(job_id: int, now: datetime) -> None:
    """Ask that a job be stopped. Raises JobError when there is nothing to stop."""
    if not Job.objects.filter(pk=job_id).exclude(state__in=ENDED).update(cancel_requested_at=now):
        job = Job.objects.filter(pk=job_id).first()
        raise JobError(f"job {job_id} is {job.state} already" if job else f"there is no job {job_id}")


def retry(job_id: int, now: datetime) -> None:
    """Queue a job that ended badly once more. Raises JobError when it did not."""
    again = Job.objects.filter(pk=job_id, state__in=(State.FAILED, State.CANCELLED)).update(
        state=State.QUEUED, attempts=0, run_after=now, finished_at=None, cancel_requested_at=None, reason="asked again"
    )
    if not again:
        raise JobError(f"job {job_id} has not failed or been cancelled, so there is nothing to try again")


def cancel_wanted(job: Job) -> bool:
    return Job.objects.filter(pk=job.pk, cancel_requested_at__isnull=False).exists()


def forget(before: datetime) -> int:
    """Delete jobs that ended before this instant; returns how many."""
    return Job.objects.filter(state__in=ENDED, finished_at__lt=before).delete()[0]


def at_work(subject: str, *kinds: str) -> Job | None:
    """The job of one of these kinds about `subject` that waits or runs; None when there is none."""
    return Job.objects.filter(kind__in=kinds, subject=subject).exclude(state__in=ENDED).first()


def waiting() -> Iterable[Job]:
    return Job.objects.exclude(state__in=ENDED).order_by("-priority", "id")
