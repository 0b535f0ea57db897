"""One backup or drill of a database at a time, and an end to what a killed one leaves behind.

The hold is a lock of the operating system, which a process loses when it dies, however it dies.
"""

import fcntl
import logging
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import psutil
from django.utils import timezone

from golive.kit.folders import data_folder
from golive.postgres.backups.tools import BackupTrouble
from golive.postgres.models import Database

log = logging.getLogger(__name__)
KILLED = "it was killed: its process is gone without a word; the next one starts afresh"
STOP_SECONDS = 10.0


class BackupBusy(BackupTrouble):
    """Another backup or drill of this database is at work."""


@contextmanager
def holding(database: Database, what: str, scratch: Path) -> Iterator[None]:
    """Work on this database's backups alone. Raises BackupBusy. Settles first what a killed run left behind."""
    with _file(database).open("a+") as file:
        if not _taken(file):
            file.seek(0)
            raise BackupBusy(f"{file.read().strip() or 'Another run'} is at work; nothing was started.")
        file.truncate(0)
        file.write(f"{what} (process {os.getpid()}, since {timezone.now():%d %b %H:%M:%S} UTC)")
        file.flush()
        _settle(database, scratch)
        yield


def settle(database: Database, scratch: Path) -> None:
    """Report runs whose process was killed and stop what they left; nothing while one is at work."""
    with suppress(BackupBusy), holding(database, "A look at what was killed", scratch):
        pass


def _file(database: Database) -> Path:
    folder = data_folder() / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"backups-{database.pk}.lock"


def _taken(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _settle(database: Database, scratch: Path) -> None:
    now = timezone.now()
    for runs in (database.backups, database.drills):
        for dead in runs.filter(ok=None):
            log.warning("%s: a run of %s was killed", database.project.slug, dead.began_at)
            runs.filter(pk=dead.pk, ok=None).update(ok=False, ended_at=now, reason=KILLED)
    for folder in scratch.glob("scratch-*") if scratch.is_dir() else ():
        for pid in folder.glob("**/postmaster.pid"):
            _stop(pid)
        shutil.rmtree(folder, ignore_errors=True)


def _stop(pid_file: Path) -> None:
    """End the server over restored data, if it is that server which has the number."""
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        server = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        if str(pid_file.parent) not in server.cmdline():
            return
        server.send_signal(signal.SIGQUIT)  # at once: the data are thrown away
        deadline = time.monotonic() + STOP_SECONDS
        while server.is_running() and server.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.05)
