"""The PgBouncer process: it outlives golive, and is adopted again by its pid file."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from golive.postgres.trouble import DatabaseTrouble

PATIENCE_SECONDS = 10.0
MORE_FILES = ("/bin/sh", "-c", 'ulimit -S -n "$(ulimit -H -n)"; exec "$@"', "sh")  # a descriptor for each client


class PoolTrouble(DatabaseTrouble):
    """PgBouncer is missing or does not start; the message says why."""

    exit_code = 1


def program() -> Path:
    """Where PgBouncer is. Raises PoolTrouble."""
    found = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise PoolTrouble("PgBouncer is not installed; Debian has it as package pgbouncer.")
    return Path(found)


def version() -> tuple[int, ...]:
    """PgBouncer's version, such as (1, 18, 0)."""
    said = subprocess.run([str(program()), "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"PgBouncer (\d+(?:\.\d+)*)", said)
    return tuple(int(part) for part in match[1].split(".")) if match else (0,)


class Pool:
    """One PgBouncer in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.account = _account() if os.geteuid() == 0 else None

    def write(self, files: Mapping[str, str]) -> bool:
        """Put the files in place, readable for PgBouncer only; whether any of them changed."""
        for missing in [each for each in reversed(self.folder.parents) if not each.exists()]:
            missing.mkdir()
            missing.chmod(0o711)  # whatever golive's umask: PgBouncer has to pass here
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._own(self.folder)
        changed = False
        for name, text in files.items():
            path = self.folder / name
            if path.exists() and path.read_text() == text:
                continue
            draft = path.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(text)
            self._own(draft)
            draft.replace(path)
            changed = True
        return changed

    def ensure(self, changed: bool) -> str:
        """Started, reloaded or left alone: which of the three. Raises PoolTrouble."""
        process = self.process()
        if process is None:
            self._start()
            return "started"
        if changed:
            process.send_signal(signal.SIGHUP)
            return "reloaded"
        return "runs"

    def process(self) -> psutil.Process | None:
        """The running process, if it is a PgBouncer with our configuration."""
        try:
            process = psutil.Process(int((self.folder / "pgbouncer.pid").read_text()))
            if str(self.folder / "pgbouncer.ini") in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                return process
        except (OSError, ValueError, psutil.Error):
            pass
        return None

    def _start(self) -> None:
        (self.folder / "pgbouncer.pid").unlink(missing_ok=True)
        user = ["-u", self.account.pw_name] if self.account is not None else []
        command = [*MORE_FILES, str(program()), *user, "-d", str(self.folder / "pgbouncer.ini")]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while done.returncode == 0 and self.process() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.process() is None:
            words = " ".join((done.stderr + self.last_words()).split())[-300:]
            raise PoolTrouble(f"PgBouncer did not start: {words or 'it said nothing'}")

    def stop(self) -> bool:
        """End it in order: clients finish their transaction first. False when none ran."""
        process = self.process()
        if process is None:
            return False
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
        if process.is_running():
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)
        return True

    def last_words(self) -> str:
        """The end of its log."""
        log = self.folder / "pgbouncer.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else ""

    def _own(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)


def _account() -> pwd.struct_passwd:
    """Whom PgBouncer runs as when golive is root, as which it refuses to run."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PoolTrouble("golive runs as root, and there is neither a user postgres nor nobody to run PgBouncer as")
