"""A golive of its own for the demo and the tests: `golive up` as a child process on free ports."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from golive.kit.launch import bound_to_me


class InstallError(Exception):
    """golive did not come up or a command failed; the message ends with what it wrote."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on now, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Install:
    """`golive up` on a data folder. Ports are chosen when none are given; they stay the same over restarts."""

    def __init__(
        self, data: Path, *, port: int = 0, ingest_port: int = 0, environment: Mapping[str, str] | None = None
    ) -> None:
        self.data = data.absolute()
        free = free_ports(2)
        self.port, self.ingest_port = port or free[0], ingest_port or free[1]
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GOLIVE_", "DJANGO_"))},
            **(environment or {}),
            "GOLIVE_DATA": str(self.data),
            "GOLIVE_URL": self.url,
            "GOLIVE_PORT": str(self.port),
            "GOLIVE_INGEST_PORT": str(self.ingest_port),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
        }
        self._up: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ingest_url(self) -> str:
        return f"http://127.0.0.1:{self.ingest_port}"

    @property
    def log(self) -> Path:
        return self.data / "logs" / "up.log"

    def start(self, timeout_seconds: float = 120.0) -> "Install":
        """Start and wait until every process answers. Raises InstallError."""
        for folder in (self.data, self.log.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ports = ["--port", str(self.port), "--ingest-port", str(self.ingest_port)]
        command = [sys.executable, "-m", "golive.up", "--data", str(self.data), *ports]
        with self.log.open("ab") as log:
            self._up = subprocess.Popen(
                bound_to_me(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        self.wait_ready(timeout_seconds)
        return self

    def wait_ready(self, timeout_seconds: float = 60.0) -> None:
        """Wait until every process answers. Raises InstallError with the end of the log."""
        end = time.monotonic() + timeout_seconds
        while not self.ready():
            if self._up is None or self._up.poll() is not None:
                raise InstallError(f"golive up ended:\n{self.last_words()}")
            if time.monotonic() > end:
                raise InstallError(f"golive was not ready in {timeout_seconds:.0f} s:\n{self.last_words()}")
            time.sleep(0.1)

    def status(self) -> dict[str, Any]:
        """The supervisor's status file, or {} before it is written."""
        try:
            found: dict[str, Any] = json.loads((self.data / "run" / "up.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if self._up and found.get("pid") == self._up.pid else {}

    def ready(self) -> bool:
        states = [entry["state"] for entry in self.status().get("processes", {}).values()]
        return len(states) == 5 and set(states) == {"ready"}

    def pid(self, name: str) -> int:
        """The process id of one of the five processes. Raises InstallError when it does not run."""
        pid = self.status().get("processes", {}).get(name, {}).get("pid")
        if not isinstance(pid, int):
            raise InstallError(f"{name} is not running:\n{self.last_words()}")
        return pid

    def kill(self, name: str) -> int:
        """kill -9 one of the five processes; returns the pid that it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_back(self, name: str, old_pid: int, timeout_seconds: float = 60.0) -> None:
        """Wait until a killed process runs again and answers."""
        end = time.monotonic() + timeout_seconds
        while time.monotonic() < end:
            entry = self.status().get("processes", {}).get(name, {})
            if entry.get("pid") not in (None, old_pid) and entry.get("state") == "ready":
                return
            time.sleep(0.05)
        raise InstallError(f"{name} did not come back in {timeout_seconds:.0f} s:\n{self.last_words()}")

    def run(self, *words: str, timeout_seconds: float = 120.0) -> str:
        """Run a `golive` command and return what it printed. Raises InstallError when it fails."""
        done = self.attempt(*words, timeout_seconds=timeout_seconds)
        if done.returncode:
            raise InstallError(f"golive {' '.join(words)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def attempt(self, *words: str, timeout_seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a `golive` command whatever its exit code."""
        return subprocess.run(
            [sys.executable, "-m", "golive.cli", *words],
            env={**self.environment, "COLUMNS": "200", "GOLIVE_LOG_LEVEL": "WARNING"},
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def json(self, *words: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.run(*words, "--json"))

    def client(self, token: str) -> httpx.Client:
        """A client of the API with a token; `client.get("projects/acme/...")`."""
        return httpx.Client(
            base_url=f"{self.url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    def last_words(self, lines: int = 25) -> str:
        """The end of what golive and its processes wrote."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def stop(self, timeout_seconds: float = 60.0) -> int:
        """SIGTERM, and wait. Returns the exit code (0 when it stopped cleanly)."""
        if self._up is None:
            return 0
        self._up.terminate()
        try:
            return self._up.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise InstallError(f"golive up did not stop in {timeout_seconds:.0f} s:\n{self.last_words()}") from None
        finally:
            self._up = None

    def kill_supervisor(self) -> None:
        """kill -9 the supervisor alone."""
        if self._up is not None:
            self._up.kill()
            self._up.wait()
            self._up = None

    def kill_all(self) -> None:
        """kill -9 the supervisor and everything below it, as a power cut would."""
        if self._up is None:
            return
        with suppress(psutil.NoSuchProcess):
            family = [psutil.Process(self._up.pid), *psutil.Process(self._up.pid).children(recursive=True)]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=10)
        self._up.wait()
        self._up = None


@contextmanager
def running(data: Path, **options: Any) -> Iterator[Install]:
    """An install that is up for as long as the context lasts."""
    install = Install(data, **options)
    try:
        yield install.start()
    finally:
        install.stop()
