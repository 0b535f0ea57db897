"""The loop of `golive up`: start in order, watch, start again, stop in order."""

import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from types import FrameType

from golive.up import restart
from golive.up.child import Child, Tell
from golive.up.instance import Entry, Status
from golive.up.logfile import LogFile
from golive.up.processes import Place, Process, environment, processes

PROBE_SECONDS = 2.0


@dataclass
class Watched:
    """A process under supervision and what has happened to it."""

    process: Process
    log: LogFile
    entry: Entry
    child: Child | None = None
    failures: int = 0
    start_at: float = 0.0  # monotonic; when to start it (again)
    well_at: float = 0.0  # monotonic; when it last answered
    was_ready: bool = False


class Supervisor:
    """Runs the processes of one install until it is asked to stop."""

    def __init__(self, place: Place, status: Status, tell: Tell) -> None:
        self.place, self.status, self.tell = place, status, tell
        self.environment = environment(place)
        self.groups = [[self._watch(process) for process in group] for group in processes(place)]
        self.asked = threading.Event()
        self.hurried = False
        self.answers: queue.SimpleQueue[tuple[Watched, Child, str | None]] = queue.SimpleQueue()
        self._told_ready = False

    def _watch(self, process: Process) -> Watched:
        entry = self.status.processes.setdefault(process.name, Entry())
        return Watched(process, LogFile(self.place.data / "logs" / f"{process.name}.log"), entry)

    @property
    def all(self) -> list[Watched]:
        return [watched for group in self.groups for watched in group]

    def ask_to_stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Signal handler: the first asks, the second hurries."""
        self.hurried = self.asked.is_set()
        self.asked.set()

    def run(self) -> None:
        """Start everything and stay until asked to stop; then stop everything."""
        signal.signal(signal.SIGTERM, self.ask_to_stop)
        signal.signal(signal.SIGINT, self.ask_to_stop)
        threading.Thread(target=self._probe_all, name="probes", daemon=True).start()
        started = 0
        try:
            while not self.asked.is_set():
                started = self._start_next_group(started)
                for group in self.groups[:started]:
                    for watched in group:
                        self._look_after(watched)
                self._take_answers()
                self._tell_when_ready(started)
                self.asked.wait(0.1)
        finally:
            self.stop()

    def _start_next_group(self, started: int) -> int:
        """The next group starts when those before are ready, or have had their time to become so."""
        if started == len(self.groups):
            return started
        waiting = [w for group in self.groups[:started] for w in group if not w.was_ready]
        if any(time.monotonic() < w.start_at + w.process.start_seconds for w in waiting):
            return started
        for watched in self.groups[started]:
            watched.start_at = time.monotonic()
        return started + 1

    def _look_after(self, watched: Watched) -> None:
        """Start what waits for its start, notice what has died."""
        if watched.child is None:
            if time.monotonic() >= watched.start_at:
                self._start(watched)
            return
        how = watched.child.ended()
        if how is None:
            return
        decision = restart.decide(watched.failures, watched.child.ran_seconds)
        watched.failures, watched.child = decision.failures, None
        watched.start_at = time.monotonic() + decision.delay_seconds
        watched.entry.restarts += 1
        self.tell("golive", f"{watched.process.name} {how}; starting it again in {decision.delay_seconds:g} s "
                            f"({decision.reason})")  # fmt: skip
        self._note(watched, "waiting", how)

    def _start(self, watched: Watched) -> None:
        watched.child = Child(watched.process, self.environment, watched.log, self.tell)
        watched.well_at = time.monotonic()
        watched.was_ready = False
        watched.entry.pid, watched.entry.created = watched.child.pid, watched.child.created()
        watched.entry.since = time.time()
        self._note(watched, "starting", "")

    def _note(self, watched: Watched, state: str, problem: str) -> None:
        """Record a change of state in the status file."""
        entry = watched.entry
        if state == "waiting":
            entry.pid = entry.created = None
        if (entry.state, entry.problem) != (state, problem) or state == "starting":
            entry.state, entry.problem = state, problem
            self.status.save(self.place.data)

    def _probe_all(self) -> None:
        """Ask every running process whether it is well, in a thread of its own since an answer may take seconds."""
        while not self.asked.is_set():
            for watched in self.all:
                if child := watched.child:
                    self.answers.put((watched, child, watched.process.probe()))
            self.asked.wait(PROBE_SECONDS if self._told_ready else 0.2)

    def _take_answers(self) -> None:
        while not self.answers.empty():
            watched, child, problem = self.answers.get()
            if child is not watched.child:  # the answer of a process that has died since
                continue
            now = time.monotonic()
            if problem is None:
                watched.well_at, watched.was_ready = now, True
                self._note(watched, "ready", "")
            elif watched.was_ready and now - watched.well_at > watched.process.patience_seconds:
                self.tell("golive", f"{watched.process.name} has not answered for {now - watched.well_at:.0f} s "
                                    f"({problem}); killing it")  # fmt: skip
                child.kill()
            elif watched.was_ready or now - watched.well_at > watched.process.start_seconds:
                self._note(watched, "failing", problem)

    def _tell_when_ready(self, started: int) -> None:
        if self._told_ready or started < len(self.groups) or not all(w.was_ready for w in self.all):
            return
        self._told_ready = True
        self.tell("golive", f"up: console {self.place.url} · OTLP {self.place.ingest_url} · data {self.place.data}")

    def stop(self) -> None:
        """Stop the groups from last to first: what writes to the store ends before the store."""
        self.tell("golive", "stopping; Ctrl-C again to kill")
        for group in reversed(self.groups):
            running = [(w, w.child) for w in group if w.child and w.child.ended() is None]
            for _, child in running:
                child.ask_to_stop()
            asked_at = time.monotonic()
            for watched, child in running:
                if not self._stopped_in_time(watched.process, child, asked_at):
                    self.tell("golive", f"{watched.process.name} did not stop in time and was killed")
            for watched in group:
                watched.child = None
                watched.entry.since = None
                watched.log.close()
                watched.entry.pid = watched.entry.created = None
                self._note(watched, "stopped", "")
        self.tell("golive", "stopped")

    def _stopped_in_time(self, process: Process, child: Child, asked_at: float) -> bool:
        while child.ended() is None and not self.hurried and time.monotonic() - asked_at < process.stop_seconds:
            time.sleep(0.05)
        return child.stop(0.1)


def prepare(supervised: dict[str, str], tell: Tell) -> None:
    """Bring the database up to date in a process of its own. Raises SystemExit when that fails."""
    done = subprocess.Popen(
        [sys.executable, "-m", "golive.up.prepare"],
        env=supervised,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.stdout is not None  # noqa: S101
    for line in done.stdout:
        tell("golive", line.rstrip())
    if done.wait():
        raise SystemExit("golive: the database could not be prepared; see above. Is DATABASE_URL right?")
