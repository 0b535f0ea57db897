"""Runs one command of a release to its end: output told line by line and kept, no shell, its whole session ended."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KEPT_LINES = 400
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """How a command ended. `code` is None when it was stopped for taking too long."""

    code: int | None
    output: str
    took_seconds: float

    @property
    def well(self) -> bool:
        return self.code == 0

    @property
    def said(self) -> str:
        """How it ended, with its last words."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        last = f": {lines[-1]}" if lines else ""
        how = f"exited with {self.code}" if self.code is not None else f"was stopped after {self.took_seconds:.0f} s"
        return f"{how}{last}"


def run(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], tell: Tell, timeout_seconds: float
) -> Ended:
    """Run and wait. A program that cannot be started is told as exit code 127."""
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        said = f"{command[0]}: {error.strerror}"
        tell(said)
        return Ended(127, said, 0.0)
    lines: deque[str] = deque(maxlen=KEPT_LINES)

    def carry() -> None:
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            text = line.decode(errors="replace").rstrip()
            lines.append(text)
            tell(text)

    pump = threading.Thread(target=carry, daemon=True)
    pump.start()
    code: int | None
    try:
        code = process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        _end(process)
        pump.join(2.0)
    return Ended(code, "\n".join(lines), time.monotonic() - began)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and what it left in its session."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None and number is signal.SIGTERM:
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
