"""The worker: claims jobs and runs each in a subprocess that ends when the worker does."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from golive.jobs import queue
from golive.jobs.lease import RENEW
from golive.jobs.models import Job
from golive.jobs.run import FINAL
from golive.kit.launch import bound_to_me

log = logging.getLogger("golive.jobs")
SIDE_BY_SIDE = 2
STOP_SECONDS = 5.0
LOOK_SECONDS = 0.5


@dataclass
class Run:
    """A job that is running."""

    job: Job
    popen: subprocess.Popen[str]
    began: float = field(default_factory=time.monotonic)
    renewed: float = field(default_factory=time.monotonic)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=500))
    pump: threading.Thread | None = None

    @property
    def output(self) -> str:
        return "".join(tuple(self.lines))

    def carry(self) -> None:
        assert self.popen.stdout is not None  # noqa: S101
        for line in self.popen.stdout:
            self.lines.append(line)

    def end(self, patience_seconds: float = STOP_SECONDS) -> None:
        """Stop the subprocess and all that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(patience_seconds)
                break
        self.settle()

    def settle(self) -> None:
        """Wait for the last of the output."""
        if self.pump:
            self.pump.join(2.0)


class Worker:
    """Runs up to `side_by_side` jobs at once until `stop` is set. To be used from the main thread."""

    def __init__(self, stop: threading.Event, side_by_side: int = SIDE_BY_SIDE) -> None:
        self.stop, self.side_by_side = stop, side_by_side
        self.runs: list[Run] = []

    def work(self) -> None:
        while not self.stop.is_set():
            self.look()
            self.stop.wait(LOOK_SECONDS)
        for run in self.runs:
            run.end()
            queue.give_back(run.job, run.output, datetime.now(UTC))

    def look(self) -> None:
        """One round: look after what runs, then start what may."""
        self.runs = [run for run in self.runs if self._goes_on(run)]
        while len(self.runs) < self.side_by_side and (job := queue.claim(datetime.now(UTC))):
            self.runs.append(self._start(job))

    def _start(self, job: Job) -> Run:
        log.info("%s begins (attempt %d of %d)", job, job.attempts, job.max_attempts)
        popen = subprocess.Popen(
            bound_to_me([sys.executable, "-m", "golive.jobs.run", str(job.pk), job.lease]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        run = Run(job, popen)
        run.pump = threading.Thread(target=run.carry, name=f"output of {job}", daemon=True)
        run.pump.start()
        return run

    def _goes_on(self, run: Run) -> bool:
        """Look after one run; False when it is over."""
        code, now = run.popen.poll(), datetime.now(UTC)
        if code is not None:
            self._ended(run, code, now)
            return False
        if time.monotonic() - run.began > run.job.timeout_seconds:
            run.end()
            reason = f"stopped: it took longer than {timedelta(seconds=run.job.timeout_seconds)}"
            queue.fail(run.job, reason, run.output, now, final=False)
            log.warning("%s %s", run.job, reason)
            return False
        if queue.cancel_wanted(run.job):
            run.end()
            queue.cancelled(run.job, run.output, now)
            log.info("%s cancelled", run.job)
            return False
        if time.monotonic() - run.renewed > RENEW.total_seconds():
            run.renewed = time.monotonic()
            if not queue.renew(run.job, run.output, now):
                log.warning("%s was given to another worker; stopping our run", run.job)
                run.end()
                return False
        return True

    def _ended(self, run: Run, code: int, now: datetime) -> None:
        run.settle()
        if code == 0:
            queue.close(run.job, run.output)
            log.info("%s done in %.1f s", run.job, time.monotonic() - run.began)
            return
        last = next((line.strip() for line in reversed(tuple(run.lines)) if line.strip()), "")
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else last or f"exit code {code}"
        queue.fail(run.job, how, run.output, now, final=code == FINAL)
        log.warning("%s failed: %s", run.job, how)
