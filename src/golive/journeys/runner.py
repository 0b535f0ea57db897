"""Run journeys in a process of their own and read what they left."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import psutil

from golive.journeys import command as commands
from golive.journeys.results import Ended, Result, Results, judge, read
from golive.kit import synthetic
from golive.kit.durations import format_duration

RESULTS = "results.jsonl"
OUTPUT = "output.txt"
LOOK_SECONDS = 0.2
TAIL_BYTES = 20_000
STOP_SECONDS = 5.0


def run(
    files: Sequence[str | Path],
    base_url: str,
    *,
    folder: Path,
    evidence: Path,
    python: Path | None = None,
    proves: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    marker: str = "",
    key: str | None = None,
    timeout: timedelta = timedelta(minutes=5),
    tell: Callable[[Result], None] | None = None,
    stop: threading.Event | None = None,
) -> Results:
    """Run the journeys of `files` (paths below the repository `folder`) against `base_url` and wait for them.

    `proves` chooses those that prove one of these; `marker` begins their trace ids, so that ingest knows them, and has
    their baggage signed by `key` (this install's own when left out); results, screenshots and traces stay in
    `evidence`. `tell` hears of each journey as it ends; `stop` ends the run early. Never raises for what a journey
    does: a run that could not be made is UNKNOWN with the reason.
    """
    folder, evidence = folder.absolute(), evidence.absolute()
    evidence.mkdir(parents=True, exist_ok=True)
    (evidence / RESULTS).unlink(missing_ok=True)
    program = commands.interpreter(folder, python)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="golive-journey-", ignore_cleanup_errors=True) as home:
        line = commands.command(
            program, [str(file) for file in files], evidence, proves, int(timeout.total_seconds()) * 2
        )
        signing = synthetic.key() if key is None and marker else key or ""
        variables = commands.environment(base_url, Path(home), marker, environment or {}, key=signing)
        heard = _Heard(evidence, tell)
        ended = _carried_out(line, variables, folder, evidence, timeout, stop, heard)
    took = timedelta(seconds=time.monotonic() - began)
    results, collected = read(_lines(evidence / RESULTS), evidence)
    output = _tail(evidence / OUTPUT)
    if ended.exit_status is not None:
        ended = Ended(ended.exit_status, ended.stopped, commands.explained(output, program))
    outcome, reason = judge(results, collected, ended, took)
    return Results(outcome, reason, tuple(results), took, evidence, output)


class _Heard:
    """Tells of each result once, as it is written."""

    def __init__(self, evidence: Path, tell: Callable[[Result], None] | None) -> None:
        self.evidence, self.tell, self.count = evidence, tell, 0

    def look(self) -> None:
        if self.tell is None:
            return
        results, _ = read(_lines(self.evidence / RESULTS), self.evidence)
        for result in results[self.count :]:
            self.tell(result)
        self.count = len(results)


def _carried_out(
    line: Sequence[str],
    variables: Mapping[str, str],
    folder: Path,
    evidence: Path,
    timeout: timedelta,
    stop: threading.Event | None,
    heard: _Heard,
) -> Ended:
    try:
        with (evidence / OUTPUT).open("wb") as output:
            popen = subprocess.Popen(
                line,
                cwd=folder,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        return Ended(None, f"the run could not be started: {error.strerror} ({error.filename or folder})")
    deadline = time.monotonic() + timeout.total_seconds()
    stopped = ""
    try:
        while popen.poll() is None and not stopped:
            if stop is not None and stop.wait(LOOK_SECONDS):
                stopped = "stopped before its end"
            elif stop is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    popen.wait(LOOK_SECONDS)
            if time.monotonic() > deadline:
                stopped = f"not done within {format_duration(timeout)}"
            heard.look()
    finally:
        _end(popen)
    heard.look()
    return Ended(None if stopped else popen.returncode, stopped)


def _end(popen: subprocess.Popen[bytes]) -> None:
    """End the process and all below it; a browser is in a process group of its own."""
    below: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        below = psutil.Process(popen.pid).children(recursive=True)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(STOP_SECONDS)
            break
    for process in below:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
