"""A scratch server over restored data: its own port and settings, whatever the original's were."""

import os
import re
import shlex
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from pwd import struct_passwd

from psycopg.conninfo import make_conninfo

from golive.postgres.backups.tools import BackupTrouble, own, run
from golive.postgres.session import one, session
from golive.postgres.trouble import DatabaseTrouble
from golive.sandbox.servers import find_program

_NEEDED = re.compile(
    r"^(max_connections|max_worker_processes|max_wal_senders|max_prepared_xacts|max_locks_per_xact) setting:\s+(\d+)",
    re.M,
)
_NAMES = {"max_prepared_xacts": "max_prepared_transactions", "max_locks_per_xact": "max_locks_per_transaction"}
RECOVERY_SECONDS = 3600.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def needed(controldata: str) -> dict[str, str]:
    """Settings that recovery demands to be at least as they were, from pg_controldata's words."""
    return {_NAMES.get(name, name): value for name, value in _NEEDED.findall(controldata)}


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


class Scratch:
    """Restored data in `data`, and the server over it."""

    def __init__(self, data: Path, version: int, account: struct_passwd | None, port: int | None = None) -> None:
        self.data, self.account, self.port = data, account, port or free_port()
        self.programs = f"usr/lib/postgresql/{version}/bin"

    def url(self, original: str, database: str | None = None) -> str:
        """The original's URL, led here."""
        here = make_conninfo(original, host="127.0.0.1", port=self.port, sslmode="prefer")
        return make_conninfo(here, dbname=database) if database else here

    def start(self, preload: str = "", *, listen: str = "127.0.0.1") -> None:
        """Start, and wait until it accepts connections. Raises BackupTrouble with the end of its log."""
        control = run(
            [self.program("pg_controldata"), str(self.data)], self.account, "pg_controldata",
            environment={"LC_ALL": "C"},
        )  # fmt: skip
        settings = {
            **needed(control),
            "port": str(self.port),
            "listen_addresses": listen,
            "unix_socket_directories": "",
            "shared_buffers": "128MB",
            "archive_mode": "off",
            "hot_standby": "on",
            "ssl": "off",
            "hba_file": str(self.data / "golive_hba.conf"),
            "ident_file": str(self.data / "golive_ident.conf"),
            "shared_preload_libraries": preload,
            "logging_collector": "off",
            "log_destination": "stderr",
            "max_connections": str(max(20, int(needed(control).get("max_connections", "100")))),
        }
        self._file("golive.conf", "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items()))
        self._file("golive_hba.conf", "host all all 127.0.0.1/32 md5\nhost all all ::1/128 md5\n")
        self._file("golive_ident.conf", "")
        forced = {name: value for name, value in settings.items() if name not in needed(control)}
        given = {"config_file": f"{self.data}/golive.conf", **forced}
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in given.items())  # through a shell
        line = [self.program("pg_ctl"), "start", "-D", str(self.data), "-w", "-t", str(int(RECOVERY_SECONDS))]
        log = self.data.parent / f"{self.data.name}.log"
        line += ["-o", options, "-l", str(log)]
        log.touch()
        if self.account is not None:
            os.chown(log, self.account.pw_uid, self.account.pw_gid)
        try:
            run(line, self.account, "the restored server", to_file=self.data.parent / f"{self.data.name}.ctl")
        except BackupTrouble as error:
            words = [
                text for text in log.read_text(errors="replace").splitlines() if "FATAL" in text or "ERROR" in text
            ]
            raise BackupTrouble(f"The restored server does not start: {' '.join(words[-2:])[:300] or error}") from error

    def wait_until_promoted(self, original: str) -> None:
        """Recovery has ended at its target. Raises BackupTrouble when it does not."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            with suppress(DatabaseTrouble), session(self.url(original)) as connection:
                if not one(connection, "SELECT pg_is_in_recovery() AS it")["it"]:
                    return
            if not self.runs():
                log = self.data.parent / f"{self.data.name}.log"
                words = [line for line in log.read_text(errors="replace").splitlines() if "FATAL" in line]
                raise BackupTrouble(f"Recovery ended before the instant wanted: {' '.join(words[-1:])[:300]}")
            time.sleep(0.2)
        raise BackupTrouble(f"Recovery did not end within {RECOVERY_SECONDS / 3600:.0f} h")

    def runs(self) -> bool:
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            return False
        return True

    def stop(self) -> None:
        if self.runs():
            line = [self.program("pg_ctl"), "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", "60"]
            with suppress(BackupTrouble):
                run(line, self.account, "stopping the restored server")

    def program(self, name: str) -> str:
        return str(find_program(name, self.programs))

    def _file(self, name: str, text: str) -> None:
        path = self.data / name
        path.write_text(text)
        path.chmod(0o600)
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)


@contextmanager
def folder(parent: Path, account: struct_passwd | None) -> Iterator[Path]:
    """A folder for restored data, gone at the end."""
    own(parent, account)
    made = Path(tempfile.mkdtemp(prefix="scratch-", dir=parent))
    own(made, account)
    try:
        yield own(made / "data", account)
    finally:
        shutil.rmtree(made, ignore_errors=True)
