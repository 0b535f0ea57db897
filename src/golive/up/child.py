"""One supervised program: starting it, carrying its output away, stopping it."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping

import psutil

from golive.kit.launch import bound_to_me
from golive.up.logfile import LogFile
from golive.up.processes import Process

Tell = Callable[[str, str], None]


class Child:
    """A running instance of a `Process`; `tell(name, line)` receives each line that it writes."""

    def __init__(self, process: Process, environment: Mapping[str, str], log: LogFile, tell: Tell) -> None:
        self.process, self.log, self.tell = process, log, tell
        self.began = time.monotonic()
        # A session of its own keeps Ctrl-C in the terminal for the supervisor alone.
        self.popen = subprocess.Popen(
            bound_to_me(process.command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._pump = threading.Thread(target=self._carry, name=f"output of {process.name}", daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def ran_seconds(self) -> float:
        return time.monotonic() - self.began

    def created(self) -> float | None:
        """The kernel's start time of the process, or None when it is gone."""
        try:
            return psutil.Process(self.pid).create_time()
        except psutil.Error:
            return None

    def ended(self) -> str | None:
        """How the process ended, or None while it runs."""
        code = self.popen.poll()
        if code is None:
            return None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def ask_to_stop(self) -> None:
        self.popen.terminate()

    def stop(self, timeout_seconds: float) -> bool:
        """Wait for a process that was asked to stop; kill it when time is up. True when it stopped by itself."""
        try:
            self.popen.wait(max(timeout_seconds, 0.0))
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        finally:
            self._pump.join(2.0)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def _carry(self) -> None:
        assert self.popen.stdout is not None  # noqa: S101
        for line in self.popen.stdout:
            self.log.write(line if line.endswith(b"\n") else line + b"\n")
            self.tell(self.process.name, line.decode(errors="replace").rstrip())
