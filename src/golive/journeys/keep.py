"""Keeping runs: the row, the evidence of failures, and not too much of either."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from golive.journeys.models import Run
from golive.journeys.results import Outcome, Result, Results
from golive.people.models import Project

KEPT_RUNS = 200
KEPT_EVIDENCE = 20
LONGEST_DETAIL = 8_000


def keep(project: Project, check_name: str, found: Results, at: datetime) -> Run:
    """Save a run; the evidence of one that did not pass moves beside it. Older ones make room."""
    run = Run.objects.create(
        project=project,
        check_name=check_name,
        at=at,
        seconds=found.took.total_seconds(),
        outcome=found.outcome.value,
        reason=found.reason[:500],
        results=[_row(result) for result in found.results],
    )
    if found.outcome is not Outcome.PASSED and found.folder.is_dir():
        run.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.move(str(found.folder), run.folder)
    _make_room(run)
    return run


def _row(result: Result) -> dict[str, Any]:
    return {
        "test": result.test,
        "name": result.name,
        "proves": list(result.proves),
        "outcome": result.outcome.value,
        "reason": result.reason,
        "seconds": round(result.seconds, 3),
        "trace_id": result.trace_id,
        "detail": result.detail[-LONGEST_DETAIL:],
        "steps": [{"name": s.name, "seconds": round(s.seconds, 3), "ok": s.ok} for s in result.steps],
        "evidence": [{"kind": one.kind, "file": one.path.name} for one in result.evidence],
    }


def _make_room(run: Run) -> None:
    mine = Run.objects.filter(project=run.project_id, check_name=run.check_name)
    old = mine.values_list("pk", flat=True)[KEPT_RUNS:]
    mine.filter(pk__in=list(old)).delete()
    kept = sorted((int(path.name), path) for path in run.folder.parent.glob("*") if path.name.isdigit())
    for _, path in kept[:-KEPT_EVIDENCE]:
        shutil.rmtree(path, ignore_errors=True)


def evidence(run: Run, name: str) -> Path | None:
    """A file of a run's evidence that one of its results names; None for any other."""
    named = {one["file"] for result in run.results for one in result["evidence"]}
    path = run.folder / name
    return path if name in named and path.is_file() else None
