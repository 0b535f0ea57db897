"""Deploys as background work, for who asks by a button or the API. A job run again goes on where its deploy stands."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from golive.jobs import queue
from golive.jobs.kinds import JobError, Kind, Work, register
from golive.jobs.models import Job
from golive.releases import door, previews, runs
from golive.releases.errors import ReleaseError
from golive.releases.models import Deploy, Environment, Release


def tell(line: str) -> None:
    print(line, flush=True)


def run_deploy(work: Work) -> dict[str, Any]:
    """Deploy payload["release"] to payload["environment"], or go on with that deploy."""
    where = _environment(work)
    release = Release.objects.select_related("project").get(pk=work.payload["release"])
    try:
        left = door.unfinished(where)
        if left is not None and left.release_id == release.pk:
            outcome = door.resume(where, tell=tell)
        else:
            outcome = door.deploy(
                release,
                where,
                tell=tell,
                by=work.payload["by"],
                overrides=work.payload.get("overrides") or {},
                canary=work.payload.get("canary") or 0,
            )
    except ReleaseError as error:
        raise JobError(str(error)) from error
    return _result(outcome)


def run_rollback(work: Work) -> dict[str, Any]:
    """Roll payload["environment"] back to payload["to"], a release, or to the one before."""
    where = _environment(work)
    to = Release.objects.get(pk=work.payload["to"]) if work.payload.get("to") else None
    try:
        left = door.unfinished(where)
        if left is not None and left.kind == "rollback":
            outcome = door.resume(where, tell=tell)
        else:
            outcome = door.rollback(where, to, tell=tell, by=work.payload["by"], reason=work.payload.get("reason", ""))
    except ReleaseError as error:
        raise JobError(str(error)) from error
    return _result(outcome)


def run_resume(work: Work) -> dict[str, Any]:
    """Go on with an interrupted deploy."""
    where = _environment(work)
    try:
        return _result(door.resume(where, tell=tell))
    except ReleaseError as error:
        raise JobError(str(error)) from error


def run_redeploy(work: Work) -> dict[str, Any]:
    """The live release with the newest variables."""
    where = _environment(work)
    try:
        outcome = door.resume(where, tell=tell) if door.unfinished(where) else None
        return _result(outcome or door.redeploy(where, tell=tell, by=work.payload["by"]))
    except ReleaseError as error:
        raise JobError(str(error)) from error


def _result(outcome: door.Outcome | None) -> dict[str, Any]:
    return asdict(outcome) if outcome else {}


def run_wake(work: Work) -> dict[str, Any]:
    """Wake a preview that somebody looks at."""
    try:
        previews.wake(_environment(work))
    except ReleaseError as error:
        raise JobError(str(error)) from error
    return {}


def run_close(work: Work) -> dict[str, Any]:
    """Tear a preview down whose pull request is over. Raises Refused while a deploy is under way: tried again."""
    previews.close_preview(_environment(work), by=work.payload["by"])
    return {}


def run_cron(work: Work) -> dict[str, Any]:
    """Run the scheduled command payload["job"]. One whose worker died is not run again: it may have done its work."""
    made = runs.run_scheduled(_environment(work), work.payload["job"], tell)
    return {"run": made.pk, "exit_code": made.exit_code}


def _environment(work: Work) -> Environment:
    related = ("project", "live__release__project", "live__environment__project", "live__reuses")
    return Environment.objects.select_related(*related).get(pk=work.payload["environment"])


HOUR = timedelta(hours=1)
DEPLOY = register(Kind("deploy", run_deploy, HOUR))
ROLLBACK = register(Kind("rollback", run_rollback, HOUR))
RESUME = register(Kind("resume-deploy", run_resume, HOUR))
REDEPLOY = register(Kind("redeploy", run_redeploy, HOUR))
WAKE = register(Kind("wake-preview", run_wake, timedelta(minutes=5)))
CLOSE = register(Kind("close-preview", run_close, timedelta(minutes=5), max_attempts=10))
CRON = register(Kind("scheduled-command", run_cron, timedelta(days=1), max_attempts=1))


def ask_wake(where: Environment) -> None:
    """Queue waking a preview, unless that is queued already."""
    if not Job.objects.filter(kind=WAKE.name, subject=where.link).exclude(state__in=queue.ENDED).exists():
        _ask(WAKE, {"environment": where.pk}, where.link, "golive")


def ask_close(where: Environment, by: str) -> None:
    """Queue tearing a preview down."""
    _ask(CLOSE, {"environment": where.pk, "by": by}, where.link, by)


def ask_cron(where: Environment, name: str) -> None:
    """Queue a scheduled command that is due."""
    _ask(CRON, {"environment": where.pk, "job": name}, f"{name} in {where.name}", "golive")


def ask_deploy(release: Release, where: Environment, by: str, overrides: dict[str, str], canary: int = 0) -> Job:
    """Queue a deploy."""
    payload = {
        "release": release.pk, "environment": where.pk, "by": by, "overrides": overrides, "canary": canary,
    }  # fmt: skip
    return _ask(DEPLOY, payload, f"{release.name} to {where.name}", by)


def ask_rollback(where: Environment, to: Release | None, by: str, reason: str = "") -> Job:
    """Queue a rollback."""
    payload = {"environment": where.pk, "to": to.pk if to else None, "by": by, "reason": reason}
    return _ask(ROLLBACK, payload, f"{where.name} back to {to.name if to else 'the one before'}", by)


def ask_resume(deploy: Deploy) -> Job | None:
    """Queue the end of an interrupted deploy, unless that is queued already."""
    subject = f"deploy {deploy.pk}"
    if Job.objects.filter(kind=RESUME.name, subject=subject).exclude(state__in=queue.ENDED).exists():
        return None
    return _ask(RESUME, {"environment": deploy.environment_id}, subject, "golive")


def ask_redeploy(where: Environment, by: str) -> Job:
    """Queue a deploy of the live release with the newest variables."""
    return _ask(REDEPLOY, {"environment": where.pk, "by": by}, f"variables of {where.name}", by)


def _ask(kind: Kind, payload: dict[str, Any], subject: str, by: str) -> Job:
    return queue.enqueue(kind.name, payload, now=door.now(), subject=subject, requested_by=by, priority=5)
