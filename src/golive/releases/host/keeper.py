"""The keeper: `python -m golive.releases.host.keeper FOLDER` keeps a host's units running. No Django here.

It follows the unit files, starts what is new, stops what has gone, starts again what dies. Its own death harms nobody:
units write to files, not to pipes, and the next keeper adopts them by pid and start time.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

import psutil

from golive.kit.folders import write_private
from golive.releases.host import units
from golive.releases.host.detach import detached
from golive.releases.host.place import Place, sockets_of
from golive.releases.host.units import Standing, Unit

LOOK_SECONDS = 0.05
SCAN_SECONDS = 1.0
LOG_BYTES = 20_000_000
MARK = "GOLIVE_UNIT"


def delay(failures: int) -> float:
    """Seconds before the next start of what has died so often in a row: 0.1, 0.2, 0.4 ... 15."""
    return min(0.1 * 2.0 ** min(max(failures - 1, 0), 16), 15.0)


@dataclass
class Kept:
    """A unit and what has become of it."""

    unit: Unit
    standing: Standing = field(default_factory=Standing)
    popen: subprocess.Popen[bytes] | None = None
    failures: int = 0
    start_at: float = 0.0
    stopping_since: float | None = None


class Keeper:
    """Keeps the units of one place until it is asked to end; then it leaves them running for the next keeper."""

    def __init__(self, place: Place) -> None:
        self.place, self.kept, self.ended = place, dict[str, Kept](), False
        self._seen: int = 0
        self._scanned = 0.0

    def end(self, number: int = 0, frame: FrameType | None = None) -> None:
        self.ended = True

    def run(self) -> None:
        self._adopt()
        while not self.ended:
            self.look()
            time.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """One round."""
        self._follow_files()
        for name, kept in list(self.kept.items()):
            if kept.stopping_since is not None:
                self._end_stopping(name, kept)
            elif not self._runs(kept):
                self._look_after(kept)

    def _follow_files(self) -> None:
        changed, now = self.place.units.stat().st_mtime_ns, time.monotonic()
        if changed == self._seen and now - self._scanned < SCAN_SECONDS:
            return
        self._seen, self._scanned = changed, now
        wanted = set(units.names(self.place))
        for name in wanted - self.kept.keys():
            if unit := units.read(self.place.units / f"{name}.json"):
                self.kept[name] = Kept(unit)
        for name in self.kept.keys() - wanted:
            if self.kept[name].stopping_since is None:
                self._stop(self.kept[name])
        for name in wanted:
            self._cut_log(name)

    def _adopt(self) -> None:
        """Take over what an earlier keeper started, also what it had no time to write down."""
        running = _marked(str(self.place.root))
        for name in units.names(self.place):
            unit = units.read(self.place.units / f"{name}.json")
            if unit is None:
                continue
            known = units.standing(self.place, name)
            if not known.alive and (process := running.get(name)):
                known = replace(known, pid=process.pid, created=process.create_time(), state="running")
            self.kept[name] = Kept(unit, known)
            if known.alive:
                self._note(self.kept[name])
        for name, process in running.items():
            if name not in self.kept:
                self.kept[name] = Kept(
                    Unit(name, (), "/"), Standing(process.pid, process.create_time(), "running"), None
                )
                self._stop(self.kept[name])

    def _runs(self, kept: Kept) -> bool:
        if kept.popen is not None:
            code = kept.popen.poll()
            if code is None:
                return True
            kept.popen = None
            said = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            kept.standing = replace(kept.standing, ended=said)
            return False
        return kept.standing.alive

    def _look_after(self, kept: Kept) -> None:
        now = time.monotonic()
        if kept.standing.pid is not None:  # it has just died
            lived = time.time() - kept.standing.since
            kept.failures = 1 if lived > 60 else kept.failures + 1
            kept.start_at = now + delay(kept.failures)
            ended = kept.standing.ended or "ended"
            kept.standing = Standing(state="waiting", restarts=kept.standing.restarts + 1, ended=ended)
            self._note(kept)
        if now >= kept.start_at:
            self._start(kept)

    def _start(self, kept: Kept) -> None:
        unit = kept.unit
        try:
            with (self.place.logs / f"{unit.name}.log").open("ab") as log:
                kept.popen = subprocess.Popen(
                    unit.command,
                    cwd=unit.folder,
                    env={**unit.environment, MARK: f"{self.place.root}:{unit.name}"},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            kept.failures += 1
            kept.start_at = time.monotonic() + delay(kept.failures)
            said = f"cannot start: {error.strerror}"
            kept.standing = Standing(state="waiting", restarts=kept.standing.restarts + 1, ended=said)
        else:
            created = psutil.Process(kept.popen.pid).create_time()
            kept.standing = replace(
                kept.standing, pid=kept.popen.pid, created=created, state="running", since=time.time()
            )
        self._note(kept)

    def _stop(self, kept: Kept) -> None:
        kept.stopping_since = time.monotonic()
        _signal(kept.standing, signal.SIGTERM)

    def _end_stopping(self, name: str, kept: Kept) -> None:
        if self._runs(kept):
            if time.monotonic() - (kept.stopping_since or 0.0) > kept.unit.stop_seconds:
                _signal(kept.standing, signal.SIGKILL)
            return
        _signal(kept.standing, signal.SIGKILL)  # what it left behind in its session
        (self.place.states / f"{name}.json").unlink(missing_ok=True)
        del self.kept[name]
        self._seen = 0  # the unit may have been written again meanwhile

    def _note(self, kept: Kept) -> None:
        with contextlib.suppress(OSError):  # a full disk must not stop what runs
            text = json.dumps(vars(kept.standing)).encode()
            write_private(self.place.states / f"{kept.unit.name}.json", text)

    def _cut_log(self, name: str) -> None:
        """A full log is copied away and emptied in place: the unit holds it open for appending."""
        log = self.place.logs / f"{name}.log"
        with contextlib.suppress(OSError):
            if log.stat().st_size > LOG_BYTES:
                log.with_suffix(".log.1").write_bytes(log.read_bytes())
                os.truncate(log, 0)


def _marked(root: str) -> dict[str, psutil.Process]:
    """Running processes that a keeper of this place started, by unit: the leader of each session."""
    found: dict[str, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mark = process.environ().get(MARK, "")
            if mark.startswith(f"{root}:") and os.getsid(process.pid) == process.pid:
                found[mark.rpartition(":")[2]] = process
    return found


def _signal(standing: Standing, number: signal.Signals) -> None:
    if standing.pid is None or not _ours(standing):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(standing.pid, number)


def _ours(standing: Standing) -> bool:
    """The pid is still our unit's, or its session still has members under that number."""
    if units.is_alive(standing.pid, standing.created):
        return True
    return not psutil.pid_exists(standing.pid or 0)


class KeeperSupervisor:
    """Units under our own keeper, which is started when it does not run."""

    def __init__(self, place: Place) -> None:
        self.place = place.make()

    def start(self, wanted: list[Unit]) -> None:
        for unit in wanted:
            units.write(self.place, unit)
        self.ensure()

    def stop(self, names: list[str]) -> None:
        for name in names:
            units.remove(self.place, name)
        self.ensure()

    def standing(self, name: str) -> Standing:
        return units.standing(self.place, name)

    def ensure(self) -> bool:
        """Start the keeper unless it runs. True when it had to be started."""
        if keeper_runs(self.place):
            return False
        words = [sys.executable, "-m", "golive.releases.host.keeper", str(self.place.root)]
        environment = {name: value for name, value in os.environ.items() if name != MARK}
        detached(words, self.place.logs / "keeper.log", environment)
        return True


def keeper_runs(place: Place) -> bool:
    """Whether a keeper holds this place."""
    with (place.root / "keeper.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def keeper_pid(place: Place) -> int | None:
    """The pid of the keeper that holds this place."""
    try:
        return int((place.root / "keeper.pid").read_text()) if keeper_runs(place) else None
    except (OSError, ValueError):
        return None


def main() -> int:
    root = Path(sys.argv[1])
    os.umask(0o077)
    place = Place(root, sockets_of(root)).make()
    with (root / "keeper.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return 0
        os.set_inheritable(lock.fileno(), False)
        (root / "keeper.pid").write_text(str(os.getpid()))
        keeper = Keeper(place)
        signal.signal(signal.SIGTERM, keeper.end)
        signal.signal(signal.SIGINT, keeper.end)
        keeper.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
