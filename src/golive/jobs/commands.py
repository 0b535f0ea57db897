"""`golive jobs`: what the queue holds, and stopping or repeating a job."""

import shlex
import time
from datetime import datetime, timedelta
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.jobs import queue
from golive.jobs.models import Job, State
from golive.kit.durations import format_duration, parse_duration

app = typer.Typer()
jobs_app = typer.Typer(no_args_is_help=True, help="Background work: what waits, runs and has ended.")
app.add_typer(jobs_app, name="jobs")
STYLES = {State.DONE: "green", State.FAILED: "red", State.RUNNING: "blue"}


@jobs_app.command("list")
def list_jobs(
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the newest jobs."""
    found = Job.objects.order_by("-id")
    chosen = (found.filter(state=state) if state else found)[:limit]
    if json:
        for job in chosen:
            typer.echo(orjson.dumps(described(job)))
        return
    table = Table("id", "kind", "about", "state", "attempts", "took", "", box=None)
    for job in chosen:
        style = STYLES.get(State(job.state), "default")
        attempts = f"{job.attempts} of {job.max_attempts}"
        table.add_row(
            str(job.pk), job.kind, job.subject, f"[{style}]{job.state}[/]", attempts, took(job), job.note or job.reason
        )
    Console(highlight=False).print(table)


@jobs_app.command("show")
def show(job_id: int) -> int:
    """Show one job with its output."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        typer.echo(f"golive: there is no job {job_id}; `golive jobs list` shows those that are", err=True)
        return 3
    typer.echo(orjson.dumps(described(job), option=orjson.OPT_INDENT_2))
    typer.echo(job.output)
    return 0


@jobs_app.command("run")
def run(
    command: Annotated[list[str], typer.Argument(help="After `--`: the command line.")],
    folder: Annotated[str | None, typer.Option(help="Where it runs.")] = None,
    timeout: Annotated[str, typer.Option(help="It is stopped after this time.")] = "1h",
    wait: Annotated[bool, typer.Option(help="Stay until it has ended, with its exit code.")] = False,
) -> int:
    """Queue a command line; it runs in the jobs process, and again if that is killed."""
    job = queue.enqueue(
        "command",
        {"command": command, "folder": folder},
        now=timezone.now(),
        subject=shlex.join(command)[:200],
        requested_by="cli",
        timeout=parse_duration(timeout),
    )
    typer.echo(f"Queued as job {job.pk}; follow it with: golive jobs show {job.pk}")
    while wait and not settled(job, timezone.now()):
        time.sleep(0.5)
        job.refresh_from_db()
    if wait:
        typer.echo(job.output, nl=False)
        typer.echo(f"{job.state}: {job.reason}", err=True)
    return 0 if not wait or job.state == State.DONE else 1


@jobs_app.command("cancel")
def cancel(job_id: int) -> None:
    """Stop a job that waits or runs."""
    queue.request_cancel(job_id, timezone.now())
    typer.echo(f"Job {job_id} will be stopped.")


@jobs_app.command("retry")
def retry(job_id: int) -> None:
    """Run a job that failed or was cancelled once more."""
    queue.retry(job_id, timezone.now())
    typer.echo(f"Job {job_id} is queued again.")


def settled(job: Job, now: datetime) -> bool:
    """The job has ended and its worker has added the last output, or has had its time to do so."""
    return job.state in queue.ENDED and (job.lease_until is None or now > job.lease_until)


def took(job: Job) -> str:
    """How long the job ran or has been running, for people."""
    if job.started_at is None:
        return "-"
    return format_duration(max((job.finished_at or timezone.now()) - job.started_at, timedelta()))


def described(job: Job) -> dict[str, object]:
    """A job as JSON shows it, without its output."""
    names = ("id", "kind", "subject", "state", "attempts", "progress", "note", "reason", "result", "requested_by")
    times = ("created_at", "started_at", "finished_at", "lease_until")
    return {name: getattr(job, name) for name in (*names, *times)}
