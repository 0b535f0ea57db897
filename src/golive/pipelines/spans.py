"""A run as a trace in golive's own APM, in OpenTelemetry's CI/CD semantic conventions (cicd.*, vcs.*)."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from golive.pipelines.models import Run, RunStep
from golive.pipelines.outcome import State
from golive.pipelines.stages import Stage
from golive.telemetry import facts

SERVICE = "golive.pipeline"
RESULTS = {
    State.PASSED: "success",
    State.CACHED: "success",
    State.FAILED: "failure",
    State.TIMED_OUT: "timeout",
    State.CANCELLED: "cancellation",
    State.SKIPPED: "skip",
    State.BLOCKED: "skip",
    State.UNKNOWN: "error",
}
KINDS = {Stage.BUILD: "build", Stage.PREVIEW: "deploy", Stage.PRODUCTION: "deploy"}
BAD = ("failure", "timeout", "error")


def trace_id(run: Run) -> str:
    """The run's trace: always the same, whoever asks (32 hex digits)."""
    return hashlib.sha256(f"run/{run.project.slug}/{run.number}/{run.created_at.timestamp()}".encode()).hexdigest()[:32]


def _span_id(trace: str, name: str) -> str:
    return hashlib.sha256(f"{trace}/{name}".encode()).hexdigest()[:16]


def rows(run: Run, steps: Sequence[RunStep]) -> list[dict[str, Any]]:
    """The run's span and one for each step that began, as rows of the store."""
    if run.began_at is None or run.seconds is None:
        return []
    trace = trace_id(run)
    vcs = {"vcs.ref.head.name": run.branch, "vcs.ref.head.revision": run.commit, "vcs.change.id": run.pull_request}
    common = {
        "project": run.project.slug,
        "environment": "ci",
        "synthetic": True,  # no customer waited for it
        "service": SERVICE,
        "kind": "internal",
        "trace_id": trace,
        "scope": "golive.pipelines",
        "resource": {"service.name": SERVICE},
    }
    result = RESULTS.get(State(run.state), "error")
    whole = {
        **common,
        "time": run.began_at,
        "duration_ns": int(run.seconds * 1e9),
        "name": f"RUN {run.branch or 'files as they are'}",
        "status": "error" if result in BAD else "ok",
        "status_message": run.reason if result in BAD else "",
        "span_id": _span_id(trace, ""),
        "attributes": {
            "cicd.pipeline.name": run.project.slug,
            "cicd.pipeline.run.id": str(run.number),
            "cicd.pipeline.run.url.full": run.link,
            "cicd.pipeline.result": result,
            **{key: value for key, value in vcs.items() if value},
        },
    }
    return [whole, *(_step(run, step, trace, common) for step in steps if step.state != State.SKIPPED)]


def _step(run: Run, step: RunStep, trace: str, common: dict[str, Any]) -> dict[str, Any]:
    result = RESULTS.get(State(step.state), "error")
    assert run.began_at is not None  # noqa: S101 (who calls has looked)
    return {
        **common,
        "time": run.began_at + timedelta(seconds=step.began),
        "duration_ns": int(step.seconds * 1e9),
        "name": step.name.split("#")[0],
        "status": "error" if result in BAD else "ok",
        "status_message": step.reason if result in BAD else "",
        "span_id": _span_id(trace, step.name),
        "parent_span_id": _span_id(trace, ""),
        "attributes": {
            "cicd.pipeline.task.name": step.name,
            "cicd.pipeline.task.run.id": f"{run.number}/{step.name}",
            "cicd.pipeline.task.run.result": result,
            "cicd.pipeline.task.type": KINDS.get(Stage(step.stage), "test"),
            "golive.step.cached": str(step.state == State.CACHED).lower(),
            "golive.step.budget_seconds": f"{step.budget_seconds:g}",
        },
    }


def send(run: Run) -> None:
    """Put the trace of a run that is over into the store (by way of the spool, so it may be away)."""
    found = rows(run, list(RunStep.objects.filter(run=run)))
    if not found:
        return
    facts.record("spans_arriving", found)
    Run.objects.filter(pk=run.pk).update(trace_id=found[0]["trace_id"])
