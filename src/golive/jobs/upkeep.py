"""What golive does for its own database: a daily copy, old rows away."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from golive.jobs import queue
from golive.jobs.kinds import JobError, Kind, Work, register
from golive.jobs.models import Job
from golive.kit.folders import data_folder
from golive.kit.periodic import Periodic, Process

KEPT_COPIES = 7
KEPT_JOBS = timedelta(days=30)
BETWEEN_COPIES = timedelta(hours=24)


def copy_database(work: Work) -> dict[str, Any]:
    """Copy golive's own SQLite database while it is in use, check the copy, keep the last seven."""
    if connection.vendor != "sqlite":
        raise JobError("golive's database is PostgreSQL: back it up with that server's own means")
    folder = data_folder() / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"golive-{datetime.now(UTC):%Y%m%dT%H%M%S}.db"
    draft = target.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    source = str(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(draft)) as copy:
        draft.chmod(0o600)
        original.backup(
            copy, pages=500, progress=lambda _, left, total: work.progress(1 - left / max(total, 1), "copying")
        )
        verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        raise RuntimeError(f"the copy is damaged: {verdict}")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)
    for old in copies(folder)[:-KEPT_COPIES]:
        old.unlink()
    return {"file": str(target), "size_bytes": target.stat().st_size}


def copies(folder: Path) -> list[Path]:
    """The copies made so far, oldest first."""
    return sorted(folder.glob("golive-*.db"))


def tidy() -> None:
    """Forget jobs that ended a month ago and sessions that have expired."""
    queue.forget(datetime.now(UTC) - KEPT_JOBS)
    call_command("clearsessions")


def ask_for_copy() -> None:
    """Queue the copy once a day, unless one waits already."""
    now = datetime.now(UTC)
    recent = Job.objects.filter(kind=BACKUP.name, created_at__gt=now - BETWEEN_COPIES).exists()
    if connection.vendor == "sqlite" and not recent:
        queue.enqueue(BACKUP.name, now=now, subject="golive.db")


BACKUP = register(Kind("golive.backup", copy_database, timeout=timedelta(minutes=30)))
PERIODIC = [
    Periodic("tidy up", timedelta(hours=6), tidy, Process.JOBS),
    Periodic("ask for a backup", timedelta(minutes=10), ask_for_copy, Process.JOBS),
]
