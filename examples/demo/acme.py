"""acme as its operators run it: an ordinary process with settings in its environment, and people who use it."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from golive.kit.launch import bound_to_me

HOME = Path(__file__).resolve().parent.parent / "acme"
BIN = HOME / ".venv" / "bin"


class AcmeError(Exception):
    """acme did not start or does not answer; the message ends with what it wrote."""


class Program:
    """A child process with a log file, ended when the demo is."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name, self.command, self.environment, self.log = name, command, dict(environment), log
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                bound_to_me(self.command),
                cwd=HOME,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def kill(self) -> None:
        """kill -9 the program and all that it started."""
        self._signal(signal.SIGKILL)

    def stop(self, timeout_seconds: float = 10.0) -> None:
        self._signal(signal.SIGTERM)
        if self.popen is not None:
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout_seconds)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self.popen is None or self.popen.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)
        if number is signal.SIGKILL:
            self.popen.wait(10)

    def last_words(self, lines: int = 15) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(nothing written)"


class Acme(Program):
    """The product itself."""

    def __init__(self, url: str, environment: Mapping[str, str], log: Path) -> None:
        port = url.rpartition(":")[2]
        super().__init__("acme", [str(BIN / "python"), "-m", "acme", "--port", port], environment, log)
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=5, trust_env=False)

    def answers(self) -> bool:
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def begin(self, timeout_seconds: float = 120.0) -> None:
        """Start and wait until it answers. Raises AcmeError."""
        self.start()
        end = time.monotonic() + timeout_seconds
        while not self.answers():
            if not self.running or time.monotonic() > end:
                raise AcmeError(f"acme did not come up:\n{self.last_words()}")
            time.sleep(0.1)

    def fault(self, name: str, **settings: object) -> None:
        """Switch a fault on: crash, errors, slow, leak, webhooks or signups; `seconds` limits it."""
        answer = self.http.post(f"/_faults/{name}", json=settings, headers=self._authorized())
        answer.raise_for_status()

    def mend(self) -> None:
        """Switch all faults off."""
        self.http.delete("/_faults", headers=self._authorized()).raise_for_status()

    def _authorized(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.environment['ACME_FAULTS_TOKEN']}"}


def traffic(url: str, environment: Mapping[str, str], log: Path) -> Program:
    """People who sign up, work and pay, until stopped."""
    words = ["--headless", "--host", url, "--only-summary"]
    return Program("traffic", [str(BIN / "locust"), "-f", "traffic/locustfile.py", *words], environment, log)
