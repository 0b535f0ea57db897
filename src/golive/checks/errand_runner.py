"""The probe's side of journeys elsewhere: one run at a time in a process of its own, apart from the looking."""

import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import ValidationError

from golive import journeys
from golive.checks import timetable
from golive.checks.errands import OUTCOMES, Errand, NotAllowed, Repository, variables_of
from golive.checks.outbox import Outbox
from golive.journeys import Results
from golive.journeys.keep import LARGEST_FILE
from golive.journeys.told import told_of

log = logging.getLogger("golive.probe")
PATH = "/api/v1/probe/runs"
WAITING = "evidence.txt"  # the files that the server has not taken yet
KEPT_EVIDENCE = 20
FORGET_AFTER_SECONDS = 86_400.0
LOOK_SECONDS = 0.5
HAND_OVER_SECONDS, AGAIN_SECONDS = 3.0, 15.0


class ErrandRunner:
    """Runs journeys when they are due, puts what they came to into the outbox, then hands over their evidence."""

    def __init__(self, repository: Repository, place: Path, outbox: Outbox, client: httpx.Client) -> None:
        self.repository, self.place, self.outbox, self.client = repository, place / "runs", outbox, client
        self.due = timetable.Timetable()
        self.errands: dict[int, Errand] = {}
        self.marker = self.key = ""
        self.lock = threading.Lock()
        self.began = True
        self.hand_over_at = 0.0

    def replace(self, orders: dict[str, Any]) -> None:
        """Take over what the server wants. At start turns are spread; a journey that is added later runs at once."""
        found = {errand.number: errand for errand in map(_read, orders.get("journeys") or []) if errand is not None}
        now, wall = time.monotonic(), time.time()
        with self.lock:
            self.marker, self.key = str(orders.get("marker", "")), str(orders.get("key", ""))
            for number in self.errands.keys() - found.keys():
                self.due.remove(number)
            for number, errand in found.items():
                old = self.errands.get(number)
                if old == errand:
                    continue
                wait = timetable.first_due(number, timedelta(seconds=errand.every), wall, errand.shift)
                if old is None:
                    self.due.put(number, now + (timetable.at_start(wait) if self.began else 0.0))
                elif self.due.waiting(number):
                    moved = old.model_copy(update={"shift": errand.shift}) == errand
                    self.due.put(number, now + (wait if moved else 0.0))
            self.errands = found
            self.began = False

    def hurry(self, numbers: Sequence[int]) -> None:
        """Run these at once, if they are journeys that wait for their turn."""
        with self.lock:
            for number in numbers:
                if self.due.waiting(number):
                    self.due.put(number, time.monotonic())

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set; a run that is not done then is not told of."""
        while not stop.is_set():
            try:
                if not self._turn(stop):
                    self._hand_over(stop)
                    stop.wait(LOOK_SECONDS)
            except Exception:
                log.exception("journeys failed; trying again")
                stop.wait(5)

    def _turn(self, stop: threading.Event) -> bool:
        """Run the journey that has been due for longest; false when none is due."""
        with self.lock:
            at, now = self.due.next_at(), time.monotonic()
            if at is None or at > now:
                return False
            (number, due), *others = self.due.take(now)
            for other, when in others:
                self.due.put(other, when)
            errand = self.errands[number]
        try:
            look = self.carry_out(errand, stop)
        finally:
            with self.lock:
                if number in self.errands and not self.due.waiting(number):
                    every = timedelta(seconds=self.errands[number].every)
                    self.due.put(number, timetable.next_due(due, every, time.monotonic()))
        if not stop.is_set():
            self.outbox.add([look])
        return True

    def carry_out(self, errand: Errand, stop: threading.Event) -> dict[str, Any]:
        """Run one errand now: the look to report."""
        began, key = time.time(), uuid.uuid4().hex
        folder = self.place / key
        folder.mkdir(mode=0o700, parents=True)
        try:
            found = journeys.run(
                self.repository.allowed(errand.files),
                errand.address(),
                folder=self.repository.folder.resolve(),
                evidence=folder,
                python=self.repository.python,
                proves=errand.proves,
                environment=variables_of(errand.variables, os.environ),
                marker=self.marker,
                key=self.key,
                timeout=timedelta(seconds=errand.timeout),
                stop=stop,
            )
        except NotAllowed as error:
            found = Results(journeys.Outcome.UNKNOWN, str(error), (), timedelta(), folder)
        told = told_of(found, key, str(folder))
        _keep_only(folder, told.files)
        self._make_room()
        bad = next((one for one in told.results if one.outcome is not journeys.Outcome.PASSED), None)
        shown = bad or (told.results[0] if told.results else None)
        return {
            "check": errand.number,
            "at": began,
            "outcome": OUTCOMES[found.outcome].value,
            "reason": found.reason[:400],
            "phases": {"total_ms": round(told.seconds * 1000, 2)},
            "trace_id": shown.trace_id if shown else "",
            "run": told.model_dump(mode="json"),
        }

    def _make_room(self) -> None:
        kept = sorted(self.place.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[:-KEPT_EVIDENCE]:
            shutil.rmtree(path, ignore_errors=True)

    def _hand_over(self, stop: threading.Event) -> None:
        """Send what the server has not taken yet; what it cannot take now waits for the next time."""
        if time.monotonic() < self.hand_over_at or not self.place.is_dir():
            return
        wait = HAND_OVER_SECONDS
        for folder in sorted(self.place.iterdir()):
            listed = folder / WAITING
            left = listed.read_text().splitlines() if listed.is_file() else []
            still = [name for name in left if stop.is_set() or not self._sent(folder, name)]
            wait = AGAIN_SECONDS if still else wait
            if still and still != left:
                listed.write_text("\n".join(still))
            elif listed.is_file() and not still:
                shutil.rmtree(folder, ignore_errors=True)
        self.hand_over_at = time.monotonic() + wait

    def _sent(self, folder: Path, name: str) -> bool:
        """Whether a file need not be sent again: it was taken, is gone, or nobody has known its run for a day."""
        path = folder / name
        if path.is_symlink() or not path.is_file():
            return True
        if path.stat().st_size > LARGEST_FILE:
            return False  # the check's page says where it lies
        try:
            with path.open("rb") as file:
                answer = self.client.post(f"{PATH}/{folder.name}/evidence/{name}", content=iter(_pieces(file.read)))
        except httpx.HTTPError:
            return False
        old = time.time() - path.stat().st_mtime > FORGET_AFTER_SECONDS
        return answer.is_success or (answer.status_code == 404 and old)


def _keep_only(folder: Path, files: Sequence[str]) -> None:
    """Leave the evidence, and note what the server has not taken; without any nothing stays."""
    if not files:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.iterdir():
        if path.name in files:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    (folder / WAITING).write_text("\n".join(files))


def _pieces(read: Callable[[int], bytes]) -> Any:
    while piece := read(65_536):
        yield piece


def _read(given: Any) -> Errand | None:
    """An errand as the server sent it; one that makes no sense is left out."""
    try:
        return Errand.model_validate(given)
    except ValidationError as error:
        log.warning("a journey is left out: %s", str(error).replace("\n", " ")[:300])
        return None
