"""Keeping runs: the row, the evidence of failures, and not too much of either."""

import os
import secrets
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from golive.journeys.models import Run
from golive.journeys.results import Outcome, Result, Results
from golive.journeys.told import SUFFIXES, ToldRun
from golive.people.models import Project

KEPT_RUNS = 200
KEPT_EVIDENCE = 20
LONGEST_DETAIL = 8_000
LARGEST_FILE = 20_000_000


class TooLarge(Exception):
    """A piece of evidence is larger than golive keeps."""


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


def keep_told(project: Project, check_name: str, told: ToldRun, run: Run) -> Run:
    """Save a run that a probe tells of; `run` has what is known of it besides. The same key is kept once."""
    known = Run.objects.filter(project=project, check_name=check_name, key=told.key, probe=run.probe).first()
    if known is not None:
        return known
    run.project, run.check_name = project, check_name
    run.key, run.place, run.seconds = told.key, told.place, told.seconds
    run.results = [result.model_dump(mode="json") for result in told.results]
    run.save()
    _make_room(run)
    return run


def keep_file(run: Run, name: str, pieces: Iterator[bytes]) -> bool:
    """Keep a piece of evidence that came after its run; false when the run names no such file. Raises TooLarge."""
    if name not in run.files or not name.endswith(SUFFIXES):
        return False
    run.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = run.folder / f".{secrets.token_hex(8)}"
    size = 0
    try:
        with draft.open("wb") as file:
            for piece in pieces:
                size += len(piece)
                if size > LARGEST_FILE:
                    raise TooLarge(f"{name} is larger than {LARGEST_FILE // 1_000_000} MB")
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(run.folder / name)
    finally:
        draft.unlink(missing_ok=True)
    _make_room(run)
    return True


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
    mine = Run.objects.filter(project=run.project_id, check_name=run.check_name, region=run.region)
    old = mine.values_list("pk", flat=True)[KEPT_RUNS:]
    mine.filter(pk__in=list(old)).delete()
    kept = sorted((int(path.name), path) for path in run.folder.parent.glob("*") if path.name.isdigit())
    for _, path in kept[:-KEPT_EVIDENCE]:
        shutil.rmtree(path, ignore_errors=True)


def evidence(run: Run, name: str) -> Path | None:
    """A file of a run's evidence that one of its results names; None for any other."""
    path = run.folder / name
    return path if name in run.files and path.is_file() else None
