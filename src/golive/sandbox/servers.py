"""Throwaway servers on free ports: a real PostgreSQL or Redis for a test, a demo or a pipeline step.

    with PostgresServer(folder) as postgres:
        url = postgres.create_database("acme")

PostgreSQL refuses to run as root, so it then runs as the system's `postgres` user (or `nobody`).
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg
from psycopg import sql

_LOOPBACK = "127.0.0.1"
_START_TIMEOUT_SECONDS = 30.0
_STOP_TIMEOUT_SECONDS = 10.0


class ServerError(RuntimeError):
    """A server is not installed, did not start, or died; the message ends with what it logged."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def find_program(name: str, folders: str) -> Path:
    """The newest program of this name in the folders (a glob below /), else on PATH. Raises ServerError."""
    candidates = sorted(Path("/").glob(f"{folders}/{name}"), key=_version_of, reverse=True)
    on_path = shutil.which(name)
    if candidates:
        return candidates[0]
    if on_path:
        return Path(on_path)
    raise ServerError(f"{name} is not installed; looked in /{folders} and on PATH")


def _version_of(program: Path) -> tuple[int, ...]:
    return tuple(int(part) for folder in program.parts for part in folder.split(".") if part.isdigit())


class Server(ABC):
    """A server process in a folder of its own: started, stopped, killed and started again on the same port.

    `folder` is made when missing and kept; without one a temporary folder is used and removed at the end.
    The process has its own session, so that Ctrl-C in a terminal reaches only us and we stop it in order.
    """

    name = "server"
    stop_signals: Sequence[signal.Signals] = (signal.SIGTERM,)

    def __init__(self, folder: Path | None = None, *, port: int | None = None) -> None:
        self.account = _unprivileged_account() if os.geteuid() == 0 else None
        self.folder, self._own_folder = self._place(folder)
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start and wait until it answers. Raises ServerError with the end of the log when it does not."""
        self._prepare()
        with self.log.open("ab") as log:
            self._process = self._spawn(self._command(), log.fileno())
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                raise ServerError(f"{self.name} did not start: {self.last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerError(
                    f"{self.name} did not answer within {_START_TIMEOUT_SECONDS:.0f} s: {self.last_words()}"
                )
            time.sleep(0.03)
        return self

    def stop(self) -> None:
        """Stop in order; by force when it does not listen. Stopping what does not run does nothing."""
        for stop_signal in (*self.stop_signals, signal.SIGKILL):
            if self._process is None or self._process.poll() is not None:
                break
            self._process.send_signal(stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_SECONDS)
        self._process = None

    def kill(self) -> None:
        """Pull the plug: SIGKILL to the process and all its children (PostgreSQL's have sessions of their own)."""
        if self._process is not None:
            for process in self._family(self._process.pid):
                with contextlib.suppress(psutil.NoSuchProcess):  # a child may have ended by itself just now
                    process.kill()
            self._process.wait()
        self._process = None

    @staticmethod
    def _family(pid: int) -> list[psutil.Process]:
        """The process, first because it would replace a killed child, and all its children."""
        try:
            parent = psutil.Process(pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def last_words(self) -> str:
        """The last lines it logged."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:]) if self.log.exists() else "(no log)"

    def remove(self) -> None:
        """Stop, and delete the folder if it was a temporary one."""
        self.stop()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def _place(self, wanted: Path | None) -> tuple[Path, bool]:
        if wanted is not None:
            wanted.mkdir(parents=True, exist_ok=True)
            if self.account is None or _may_enter(wanted.resolve(), self.account):
                self._own(wanted)
                return wanted.resolve(), False
        # A folder such as /root/... is closed to the unprivileged account: then a temporary one serves.
        folder = Path(tempfile.mkdtemp(prefix=f"golive-{self.name}-"))
        self._own(folder)
        return folder, True

    def _own(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _spawn(self, command: Sequence[str], output: int) -> subprocess.Popen[bytes]:
        account = self.account
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )

    def _prepare(self) -> None:  # noqa: B027 - not every server needs something
        """What must exist before the process starts."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The command line that runs it in the foreground."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it takes requests by now."""


class PostgresServer(Server):
    """A PostgreSQL cluster on 127.0.0.1 with one superuser and a random password (SCRAM, never `trust`).

    Not durable unless asked: fsync and full-page writes are off, for speed. `settings` are any of PostgreSQL's;
    `programs` is the folder of another build's initdb and postgres.
    With `archive` it is one that backups can be made of: durable, page checksums, a socket, archive_mode on.
    """

    name = "postgres"
    stop_signals = (signal.SIGINT, signal.SIGQUIT)  # fast shutdown, then immediate

    def __init__(
        self,
        folder: Path | None = None,
        *,
        port: int | None = None,
        user: str = "golive",
        password: str | None = None,
        max_connections: int = 60,
        durable: bool = False,
        archive: bool = False,
        settings: Mapping[str, str] | None = None,
        version: str = "*",
        programs: Path | None = None,
    ) -> None:
        super().__init__(folder, port=port)
        self.user = user
        self._programs = str(programs).lstrip("/") if programs else f"usr/lib/postgresql/{version}/bin"
        self._archive = archive
        kept = self.folder / "password"
        self.password = kept.read_text() if kept.exists() else password or secrets.token_urlsafe(18)
        self._settings = {
            "listen_addresses": _LOOPBACK,
            "unix_socket_directories": "",
            "max_connections": str(max_connections),
            "timezone": "UTC",
            **({"unix_socket_directories": str(self.folder), "archive_mode": "on"} if archive else {}),
            **({} if durable or archive else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}),
            **(settings or {}),
        }

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        """A connection URL for the superuser."""
        return f"postgresql://{self.user}:{self.password}@{_LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make an empty database (or a clone of `template`) and return its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def databases(self) -> list[str]:
        """The names of all databases."""
        with psycopg.connect(self.url()) as connection:
            return [name for (name,) in connection.execute("SELECT datname FROM pg_database ORDER BY datname")]

    def _prepare(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(self.password)
        self._own(password)
        command = [
            str(find_program("initdb", self._programs)),
            *("--pgdata", str(self.data), "--username", self.user, "--pwfile", str(password)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            *(["--data-checksums"] if self._archive else []),
        ]
        with self.log.open("ab") as log:
            if self._spawn(command, log.fileno()).wait() != 0:
                raise ServerError(f"initdb failed: {self.last_words()}")

    def _command(self) -> list[str]:
        postgres = str(find_program("postgres", self._programs))
        options = [part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")]
        return [postgres, "-D", str(self.data), "-p", str(self.port), *options]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


class RedisServer(Server):
    """A Redis on 127.0.0.1 that keeps nothing on disk unless `durable`."""

    name = "redis"

    def __init__(self, folder: Path | None = None, *, port: int | None = None, durable: bool = False) -> None:
        super().__init__(folder, port=port)
        self._durable = durable

    @property
    def url(self) -> str:
        return f"redis://{_LOOPBACK}:{self.port}/0"

    def _command(self) -> list[str]:
        program = str(find_program("redis-server", "usr/bin"))
        keeping = ["--appendonly", "yes"] if self._durable else ["--save", "", "--appendonly", "no"]
        return [program, "--port", str(self.port), "--bind", _LOOPBACK, "--dir", str(self.folder), *keeping]

    def _answers(self) -> bool:
        try:
            with socket.create_connection((_LOOPBACK, self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _unprivileged_account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError("running as root, and there is neither a user postgres nor nobody to run servers as")


def _may_enter(folder: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account can traverse all parents of the folder (the folder itself becomes its own)."""
    return all(
        status.st_mode & 0o001 or (status.st_uid == account.pw_uid and status.st_mode & 0o100)
        for status in (parent.stat() for parent in folder.parents)
    )
