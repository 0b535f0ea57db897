"""Runs periodic work and services in threads of their own, until asked to stop."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson

from golive.kit.durations import format_duration
from golive.kit.periodic import Periodic, Service

log = logging.getLogger("golive.runner")
LATE_SECONDS = 5.0
BEAT_SECONDS = 2.0


def next_start(planned: float, began: float, ended: float, every: float) -> float:
    """When a task begins again: `every` seconds after it was to begin, at once when it took longer than that.

    Beats missed while it ran, or while the machine slept, are not made up for. All in monotonic seconds.
    """
    due = planned + every if began - planned < every else began + every
    return max(due, ended)


def _complain(what: str, error: Exception) -> None:
    """One line for trouble that golive knows and words itself, the whole trace for a mistake of ours."""
    if type(error).__module__.startswith("golive."):
        log.warning("%s: %s", what, error)
    else:
        log.error(what, exc_info=error)


class Runner:
    """Threads for tasks; `lags` tells how late each task last began, in seconds.

    `tidy` is called after each run in the thread that ran it (to give back database connections).
    """

    def __init__(self, tasks: Iterable[Periodic], services: Iterable[Service], tidy: Callable[[], None]) -> None:
        self.tasks, self.services, self.tidy = list(tasks), list(services), tidy
        self.stop = threading.Event()
        self.lags: dict[str, float] = {}
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        for task in self.tasks:
            self._thread(task.name, self._repeat, task)
        for service in self.services:
            self._thread(service.name, self._keep, service)

    def _thread(self, name: str, target: Callable[..., None], what: Periodic | Service) -> None:
        thread = threading.Thread(target=target, args=(what,), name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _repeat(self, task: Periodic) -> None:
        planned = time.monotonic()
        while not self.stop.wait(max(0.0, planned - time.monotonic())):
            began = time.monotonic()
            self._note_lag(task, began - planned)
            try:
                task.run()
            except Exception as error:
                _complain(f"{task.name} failed; it runs again in {format_duration(task.every)}", error)
            finally:
                self.tidy()
            planned = next_start(planned, began, time.monotonic(), task.every.total_seconds())

    def _note_lag(self, task: Periodic, lag: float) -> None:
        if lag > LATE_SECONDS > self.lags.get(task.name, 0.0):
            log.warning("%s begins %.1f s late: the machine is short of time", task.name, lag)
        self.lags[task.name] = lag

    def _keep(self, service: Service) -> None:
        failures = 0
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                service.run(self.stop)
            except Exception as error:
                _complain(f"{service.name} failed", error)
            finally:
                self.tidy()
            failures = 0 if time.monotonic() - began > 60 else failures + 1
            self.stop.wait(min(0.5 * 2.0 ** min(failures, 10), 30.0))

    def finish(self, timeout_seconds: float) -> list[str]:
        """Ask all threads to stop and wait for them; returns the names of those that have not."""
        self.stop.set()
        end = time.monotonic() + timeout_seconds
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        return [thread.name for thread in self.threads if thread.is_alive()]

    def beat(self, path: Path) -> None:
        """Show a sign of life in `path`, with the lags, every two seconds until asked to stop."""
        while True:
            draft = path.with_suffix(".draft")
            try:
                draft.write_bytes(orjson.dumps({"pid": os.getpid(), "lag_seconds": self.lags}))
                draft.replace(path)
            except OSError as error:  # a full disk: the work goes on, the supervisor is patient
                log.warning("cannot write %s: %s", path, error)
            if self.stop.wait(BEAT_SECONDS):
                return
