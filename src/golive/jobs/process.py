"""A process that runs the rooms' work: the pager, and the jobs process with its queue."""

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType

from django.db import close_old_connections

from golive.jobs.worker import Worker
from golive.kit.folders import data_folder
from golive.kit.periodic import Periodic, Process, Service
from golive.kit.runner import Runner
from golive.rooms import modules

log = logging.getLogger("golive.process")
STOP_SECONDS = 10.0


def work_of(process: Process) -> tuple[list[Periodic], list[Service]]:
    """All the rooms' tasks and services that belong to one process."""
    tasks: list[Periodic] = []
    services: list[Service] = []
    for _, module in modules("tasks"):
        tasks += [task for task in getattr(module, "PERIODIC", []) if task.process is process]
        services += [service for service in getattr(module, "SERVICES", []) if service.process is process]
    return tasks, services


def _wait(stop: threading.Event) -> None:
    stop.wait()


def run(process: Process, foreground: Callable[[threading.Event], None] = _wait) -> int:
    """Run a process's work until SIGTERM or SIGINT; `foreground` has the main thread until the event is set."""
    tasks, services = work_of(process)
    runner = Runner(tasks, services, close_old_connections)

    def ask(number: int, frame: FrameType | None) -> None:
        runner.stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    runner.start()
    log.info("%s runs %d tasks and %d services", process, len(tasks), len(services))
    path = data_folder() / "run" / f"{process}.beat"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    threading.Thread(target=runner.beat, args=(path,), name="beat", daemon=True).start()
    foreground(runner.stop)
    if left := runner.finish(STOP_SECONDS):
        log.warning("did not stop in %d s: %s", STOP_SECONDS, ", ".join(left))
    path.unlink(missing_ok=True)
    return 0


def main() -> int:
    """The jobs process."""
    return run(Process.JOBS, lambda stop: Worker(stop).work())
