"""Two backups at once, one that was killed, a lock that is left over: one runs, others say so, the next one works."""

import fcntl
import os
import signal
import threading
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
from django.utils import timezone
from typer.testing import CliRunner

from golive.jobs.kinds import JobError, Work
from golive.postgres.backups import run as runs
from golive.postgres.backups import setup, tasks
from golive.postgres.backups.commands import app
from golive.postgres.backups.hold import KILLED, BackupBusy, holding
from golive.postgres.backups.models import Backup, Drill
from golive.postgres.backups.run import make
from golive.postgres.backups.tools import BackupTrouble
from golive.postgres.base import Database
from golive.sandbox.servers import PostgresServer

pytestmark = pytest.mark.story


def test_one_runs_and_others_say_so(database: Database) -> None:
    run = partial(CliRunner().invoke, app)
    words = ["--project", database.project.slug]
    with holding(database, "A backup", setup.scratch_of(database)):
        due = run(["backup", "due", *words])
        assert (due.exit_code, f"A backup (process {os.getpid()}" in due.output) == (0, True)
        for command in (["backup", "now"], ["drill"]):
            refused = run([*command, *words])
            assert isinstance(refused.exception, BackupBusy)
            assert "at work; nothing was started" in str(refused.exception)
        for task in (tasks._backup, tasks._drill):
            with pytest.raises(JobError, match="at work"):
                task(Work(1, {"database": database.pk}, lambda share, note: None))
    assert not database.backups.exists()
    assert not database.drills.exists()


def test_killed_runs_are_reported_and_what_they_left_is_taken_away(database: Database) -> None:
    """What kill -9 of the jobs process leaves: rows without an end, a server over restored data."""
    scratch = setup.scratch_of(database) / "scratch-left"
    scratch.mkdir(parents=True)
    for folder in (scratch, *scratch.parents[:5]):
        folder.chmod(0o755)
    at = timezone.now() - timedelta(minutes=5)
    for kind, model in ((Backup, database.backups), (Drill, database.drills)):
        fields = {"kind": "full", "scheduled": True} if kind is Backup else {}
        model.create(began_at=at, **fields)
    server = PostgresServer(scratch).start()
    pid = server.pid
    assert pid is not None
    reaper = threading.Thread(target=psutil.Process(pid).wait)
    with holding(database, "A drill", Path("/nowhere")):
        tasks.schedule()  # whoever holds it may be alive
        assert psutil.pid_exists(pid)
    Backup.objects.update(ok=None)
    Drill.objects.update(ok=None)
    reaper.start()
    tasks.schedule()
    reaper.join(20)
    assert not scratch.exists()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    server.stop()
    for kept in ("backup", "drill"):
        assert database.conditions.get(kind=kept).state == "firing"
        assert KILLED in database.conditions.get(kind=kept).reason


def test_pgbackrest_killed_or_locked_by_another(
    database: Database, archiving: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert setup.apply(database) == ""
    place = setup.place_of(database)

    def kill() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for process in psutil.process_iter(["cmdline"]):
                line = process.info["cmdline"] or []
                if f"--config={place.config}" in line and "backup" in line and "--type=full" in line:
                    process.send_signal(signal.SIGKILL)
                    return
            time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(BackupTrouble, match="killed by SIGKILL"):
            make(database, "full", scheduled=True)
    finally:
        killer.join(60)
    assert "SIGKILL" in database.backups.get().reason
    path = place.work / "lock" / "main-backup.lock"
    with path.open("a") as lock:  # once its workers have let go
        if place.account is not None:
            os.chown(path, place.account.pw_uid, place.account.pw_gid)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with monkeypatch.context() as hasty, pytest.raises(BackupBusy, match="pgBackRest is at work there already"):
            hasty.setattr(runs, "LEFT_OVER_SECONDS", 0.0)
            make(database, "full", scheduled=True)
    assert database.backups.count() == 1
    assert make(database, "full", scheduled=True).ok
    with psycopg.connect(archiving.url(), autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_progress_basebackup").fetchone()
    assert row == (0,)
