"""Telling the git host how a run goes: a status on the commit, and one comment on the pull request, kept up to date."""

import contextlib
from typing import Any

import orjson
from django.conf import settings

from golive.kit.connections import OutboundError
from golive.kit.outbound import fetch_blocking
from golive.people import secrets
from golive.pipelines.hosts import HOSTS
from golive.pipelines.hosts.host import Call, Host, Status
from golive.pipelines.models import Comment, Run, RunStep, Source
from golive.pipelines.outcome import Outcome, State
from golive.pipelines.plan import Plan, PlannedStep
from golive.pipelines.stages import Stage
from golive.pipelines.terminal import took

MARK = "<!-- golive -->"
STATES = {State.PASSED: "success", State.FAILED: "failure", State.CANCELLED: "error", State.UNKNOWN: "error"}


class ReportingError(Exception):
    """The host did not take a report; the message says how it answered."""


def link_of(run: Run) -> str:
    """The run's page, for people elsewhere."""
    return f"{settings.PUBLIC_URL}{run.link}"


def status_of(run: Run) -> Status:
    """What the commit's status says."""
    state = State(run.state)
    spent = f" in {took(run.seconds)}" if run.seconds is not None else ""
    waiting = "waits for approval: it comes from a fork" if run.fork and not run.approved_by else "is running"
    said = f"{run.reason}{spent}" if state.ended else waiting
    return Status(run.commit, STATES.get(state, "pending"), said, link_of(run))


def comment_of(run: Run) -> str:
    """The pull request's comment: preview first, then each step beside its budget."""
    lines = [MARK, f"**golive run [#{run.number}]({link_of(run)})** {run.state}: {run.reason or 'under way'}", ""]
    if address := run.data.get("preview_url"):
        lines += [f"Preview: {address}", ""]
    return "\n".join([*lines, *table_of(run)])


def table_of(run: Run) -> list[str]:
    """Each step beside its budget, as a Markdown table."""
    lines = ["| step | result | took | budget |", "|---|---|--:|--:|"]
    for step in RunStep.objects.filter(run=run):
        spent = took(step.seconds) if step.run_seconds else ""
        result = f"as in {step.cached_from}" if step.state == State.CACHED else f"{step.state} {step.reason}".strip()
        cells = result.replace("|", "\\|").replace("\n", " ")[:200]
        lines.append(f"| {step.name} | {cells} | {spent} | {took(step.budget_seconds)} |")
    return lines


def report(run: Run) -> None:
    """Report a run as it stands. Raises ReportingError."""
    source = Source.objects.filter(project=run.project).first()
    if source is None or not source.token or not run.commit:
        return
    host = HOSTS[source.host]
    _call(source, host, host.status(source.repository, status_of(run)))
    if run.pull_request:
        _comment(source, host, run)
    if run.data.get("production_url") and run.state == State.PASSED and host.deployment:
        _call(source, host, host.deployment(source.repository, run.commit, "production", str(run.data.get("release"))))


def _comment(source: Source, host: Host, run: Run) -> None:
    words = comment_of(run)
    kept = Comment.objects.filter(source=source, pull_request=run.pull_request).first()
    if kept is not None:
        with contextlib.suppress(ReportingError):  # somebody deleted it: write a new one
            _call(source, host, host.changed_comment(source.repository, run.pull_request, kept.identity, words))
            return
    made = _call(source, host, host.comment(source.repository, run.pull_request, words))
    identity = str(made.get("id", ""))
    Comment.objects.update_or_create(source=source, pull_request=run.pull_request, defaults={"identity": identity})


def _call(source: Source, host: Host, call: Call) -> dict[str, Any]:
    name, value = host.authorization(secrets.resolve(source.token))
    address = (source.api or host.api).rstrip("/") + call.path
    try:
        answer = fetch_blocking(
            address,
            method=call.method,
            headers={name: value, "Content-Type": "application/json", "User-Agent": "golive"},
            content=orjson.dumps(call.body),
            private=[name],
        )
    except OutboundError as error:
        raise ReportingError(f"{source.host} could not be told: {error}") from error
    if not 200 <= answer.status < 300:
        raise ReportingError(f"{source.host} answered {answer.status} to {call.method} {call.path}")
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


class Reporter:
    """A listener that reports beginning, preview and end. A host that is away stops no run."""

    def __init__(self, run: Run) -> None:
        self.run, self.problem = run, ""

    def planned(self, plan: Plan) -> None:
        self._tell()

    def began(self, step: PlannedStep, outcome: Outcome) -> None:
        pass

    def line(self, step: PlannedStep, text: str) -> None:
        pass

    def ended(self, step: PlannedStep, outcome: Outcome) -> None:
        if step.stage is Stage.PREVIEW and outcome.state is State.PASSED:
            self._tell()

    def finished(self, state: State, reason: str, seconds: float) -> None:
        self._tell()

    def _tell(self) -> None:
        try:
            report(self.run)
        except (ReportingError, secrets.SecretError) as error:
            self.problem = str(error)
            print(f"golive: {error}", flush=True)
