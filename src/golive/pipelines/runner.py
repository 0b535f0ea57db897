"""Runs a plan: steps side by side as soon as what they need has passed. One thread starts and watches all processes."""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golive.kit.durations import format_duration
from golive.pipelines import cellwork
from golive.pipelines.cellwork import Made, Prepared, Settings
from golive.pipelines.junit import Result
from golive.pipelines.listener import Action, ActionError, Context, Listener
from golive.pipelines.logs import lines
from golive.pipelines.outcome import Outcome, State, may_begin, of_run
from golive.pipelines.plan import Plan, PlannedStep
from golive.pipelines.stages import Stage

LONGEST_LINE = 16_384
PATIENCE_SECONDS = 3.0
LOOK_SECONDS = 0.05


@dataclass
class Going:
    """A step whose commands run."""

    step: PlannedStep
    prepared: Prepared
    popen: subprocess.Popen[bytes]
    began: float
    deadline: float
    script: int
    rest: bytes = b""
    ended_by: State | None = None
    reason: str = ""
    kill_at: float | None = None


@dataclass
class Identity:
    """What actions are told of the run."""

    commit: str = ""
    ref: str = ""
    pull_request: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Runner:
    """One run of a plan. `run` blocks; `cancel` may be called from anywhere, a signal handler included."""

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        listener: Listener,
        *,
        identity: Identity | None = None,
        actions: Mapping[str, Action] | None = None,
        excused: Mapping[str, str] | None = None,
        logs: Path | None = None,
        side_by_side: int = 0,
    ) -> None:
        self.plan, self.settings, self.listener = plan, settings, listener
        self.identity, self.actions = identity or Identity(), dict(actions or {})
        self.excused, self.logs = dict(excused or {}), logs  # quarantined tests with their reasons
        self.side_by_side = side_by_side or max(6, (os.cpu_count() or 2) * 2)
        self.standing = {step.name: Outcome() for step in plan.steps}
        self.steps = {step.name: step for step in plan.steps}
        self._cancelled = ""
        self._going: dict[str, Going] = {}
        self._preparing: dict[Future[Prepared], PlannedStep] = {}
        self._gathering: dict[Future[Made], Going] = {}
        self._acting: dict[Future[dict[str, Any]], PlannedStep] = {}
        self._said: list[tuple[PlannedStep, str]] = []
        self._said_lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._bell, self._ring = socket.socketpair()
        self._began = 0.0

    def run(self) -> tuple[State, str]:
        """Run to the end; how it ended and why."""
        self._began = time.monotonic()
        self._bell.setblocking(False)
        self._ring.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self.listener.planned(self.plan)
        pool = ThreadPoolExecutor(self.side_by_side * 2, thread_name_prefix="step")
        try:
            while self._unfinished():
                self._begin_ready(pool)
                self._look()
                self._settle(pool)
        finally:
            self._kill_all()
            pool.shutdown(wait=True, cancel_futures=True)
            self._selector.close()
            self._bell.close()
            self._ring.close()
        state, reason = of_run(self.standing, self._cancelled)
        self.listener.finished(state, reason, time.monotonic() - self._began)
        return state, reason

    def cancel(self, reason: str) -> None:
        """Stop everything soon."""
        self._cancelled = self._cancelled or reason
        self._wake()

    def _wake(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # it rings already, or all is over
            self._ring.send(b"x")

    def _unfinished(self) -> bool:
        return any(not outcome.state.ended for outcome in self.standing.values())

    def _begin_ready(self, pool: ThreadPoolExecutor) -> None:
        for name, outcome in self.standing.items():
            step = self.steps[name]
            if outcome.state is not State.WAITING:
                continue
            if self._cancelled:
                self._end(step, State.CANCELLED, self._cancelled)
                continue
            if step.skip:
                self._end(step, State.SKIPPED, step.skip)
                continue
            if step.stage is Stage.E2E and self._no_preview(step):
                self._end(step, State.SKIPPED, "there is no preview to test")
                continue
            if step.withheld:
                self._end(step, State.BLOCKED, step.withheld)
                continue
            ready, never = may_begin(step.needs, self.standing)
            if never:
                self._end(step, State.BLOCKED, never)
            elif ready and self._busy() < self.side_by_side:
                self._begin(step, pool)

    def _no_preview(self, step: PlannedStep) -> bool:
        """A preview belongs to this run and was left out."""
        needed = [self.standing[need] for need in step.needs if self.steps[need].stage is Stage.PREVIEW]
        return bool(needed) and all(outcome.state is State.SKIPPED for outcome in needed)

    def _busy(self) -> int:
        return sum(outcome.state is State.RUNNING for outcome in self.standing.values())

    def _begin(self, step: PlannedStep, pool: ThreadPoolExecutor) -> None:
        outcome = self.standing[step.name]
        outcome.state, outcome.began = State.RUNNING, time.monotonic() - self._began
        outcome.attempts += 1
        self.listener.began(step, outcome)
        if step.action:
            acting = pool.submit(self._act, step)
            self._acting[acting] = step
            acting.add_done_callback(self._wake)
            return
        below = {need: (self.steps[need], self.standing[need].key) for need in step.needs}
        below = {need: found for need, found in below.items() if found[1]}
        preparing = pool.submit(cellwork.prepare, step, below, self.settings)
        self._preparing[preparing] = step
        preparing.add_done_callback(self._wake)

    def _act(self, step: PlannedStep) -> dict[str, Any]:
        action = self.actions.get(step.action)
        if action is None:
            raise ActionError(f"golive has nothing to do {step.action} with; name commands in [pipeline.{step.stage}]")
        outputs = {}
        for name, outcome in self.standing.items():
            kept = self.settings.cache.get(outcome.key) if outcome.key and outcome.state.good else None
            if kept is not None and kept.outputs.exists():
                outputs[name] = kept.outputs
        context = Context(
            self.settings.project,
            self.settings.repository,
            self.plan.tree,
            self.identity.commit,
            self.identity.ref,
            self.identity.pull_request,
            outputs,
            dict(self.identity.data),
            lambda text: self._say(step, text),
            lambda: bool(self._cancelled),
        )
        return action(context)

    def _say(self, step: PlannedStep, text: str) -> None:
        """A line from another thread."""
        with self._said_lock:
            self._said.append((step, text))
        self._wake()

    def _look(self) -> None:
        """Wait for output, an end or the bell, and pass on what was said."""
        for key, _ in self._selector.select(LOOK_SECONDS):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    self._bell.recv(4096)
            else:
                self._read(key.data)
        with self._said_lock:
            said, self._said = self._said, []
        for step, text in said:
            for line in text.splitlines() or [""]:
                self.listener.line(step, line)

    def _read(self, going: Going) -> bool:
        """Pass on whole lines; False at the end of the output."""
        assert going.popen.stdout is not None  # noqa: S101
        try:
            chunk = os.read(going.popen.stdout.fileno(), 65536)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        lines = (going.rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        going.rest = lines.pop()
        if len(going.rest) > LONGEST_LINE * 4:  # a line without an end is cut, where no secret can be cut in two
            lines.append(going.rest)
            going.rest = b""
        for line in lines:
            self._line(going, line)
        return True

    def _line(self, going: Going, line: bytes) -> None:
        text = going.prepared.mask.hide(line.rsplit(b"\r", 1)[-1].decode(errors="replace"))
        self.listener.line(going.step, text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + " … (cut)")

    def _settle(self, pool: ThreadPoolExecutor) -> None:
        for preparing in [future for future in self._preparing if future.done()]:
            self._prepared(self._preparing.pop(preparing), preparing)
        for going in list(self._going.values()):
            self._watch(going, pool)
        for gathering in [future for future in self._gathering if future.done()]:
            self._gathered(self._gathering.pop(gathering), gathering)
        for acting in [future for future in self._acting if future.done()]:
            self._acted(self._acting.pop(acting), acting)

    def _prepared(self, step: PlannedStep, future: "Future[Prepared]") -> None:
        outcome = self.standing[step.name]
        if error := future.exception():
            self._end(step, State.UNKNOWN, f"it could not be prepared: {error}")
            return
        prepared = future.result()
        outcome.key, outcome.key_reason = prepared.key.digest, prepared.key_reason
        outcome.prepare_seconds += prepared.prepare_seconds
        outcome.services_seconds += prepared.services_seconds
        if prepared.kept is not None:
            self._replay(step, prepared)
        elif self._cancelled:
            cellwork.discard(prepared)
            self._end(step, State.CANCELLED, self._cancelled)
        else:
            self._start(step, prepared, 0, time.monotonic() + step.timeout.total_seconds())

    def _replay(self, step: PlannedStep, prepared: Prepared) -> None:
        kept, outcome = prepared.kept, self.standing[step.name]
        assert kept is not None  # noqa: S101
        for _, text in lines(kept.log):
            self.listener.line(step, text)
        outcome.cached_from, outcome.saved_seconds = kept.run, kept.seconds
        outcome.data["tests"] = dict(kept.tests)
        self._end(step, State.CACHED, f"nothing it depends on has changed since {kept.run}")

    def _start(self, step: PlannedStep, prepared: Prepared, number: int, deadline: float) -> None:
        _, argv, environment = prepared.scripts[number]
        assert prepared.cell is not None  # noqa: S101
        try:
            popen = subprocess.Popen(
                argv,
                cwd=prepared.cell.folder / "work",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            cellwork.discard(prepared)
            self._end(step, State.UNKNOWN, f"{argv[0]} cannot be started: {error.strerror}")
            return
        assert popen.stdout is not None  # noqa: S101
        os.set_blocking(popen.stdout.fileno(), False)
        going = Going(step, prepared, popen, time.monotonic(), deadline, number)
        self._going[step.name] = going
        self._selector.register(popen.stdout, selectors.EVENT_READ, going)

    def _watch(self, going: Going, pool: ThreadPoolExecutor) -> None:
        now = time.monotonic()
        if going.popen.poll() is None:
            if going.kill_at is not None and now > going.kill_at:
                _signal(going.popen, signal.SIGKILL)
            elif going.ended_by is None and (self._cancelled or now > going.deadline):
                going.ended_by = State.CANCELLED if self._cancelled else State.TIMED_OUT
                limit = format_duration(going.step.timeout)
                going.reason = self._cancelled or f"stopped: it took longer than {limit}"
                going.kill_at = now + PATIENCE_SECONDS
                _signal(going.popen, signal.SIGTERM)
            return
        self._finish(going, pool)

    def _finish(self, going: Going, pool: ThreadPoolExecutor) -> None:
        """The commands have ended: end what they left running, read the last words, then collect what they made."""
        del self._going[going.step.name]
        _signal(going.popen, signal.SIGKILL)
        assert going.popen.stdout is not None  # noqa: S101
        before = None
        while before != going.rest and self._read(going):
            before = going.rest
        if going.rest:
            self._line(going, going.rest)
        self._selector.unregister(going.popen.stdout)
        going.popen.stdout.close()
        outcome = self.standing[going.step.name]
        outcome.run_seconds += time.monotonic() - going.began
        passed = going.popen.returncode == 0 and going.ended_by is None
        if passed and going.script + 1 < len(going.prepared.scripts):
            if going.prepared.services:
                going.prepared.services.clone_template()
            self._start(going.step, going.prepared, going.script + 1, going.deadline)
            return
        log = self.logs / f"{going.step.name}.log" if self.logs else None
        gathering = pool.submit(
            cellwork.gather, going.prepared, self.settings, passed=passed, log=log, seconds=outcome.run_seconds
        )
        self._gathering[gathering] = going
        gathering.add_done_callback(self._wake)
        outcome.data["gather_began"] = time.monotonic()

    def _gathered(self, going: Going, future: "Future[Made]") -> None:
        step, outcome = going.step, self.standing[going.step.name]
        outcome.finish_seconds += time.monotonic() - float(str(outcome.data.pop("gather_began")))
        if error := future.exception():
            self._end(step, State.UNKNOWN, f"its results could not be collected: {error}")
            return
        made = future.result()
        before, outcome.tests = outcome.tests, made.tests
        outcome.coverage, outcome.artifacts = made.coverage, made.artifacts
        code = going.popen.returncode
        failed = {case.name for case in made.tests if case.result is Result.FAILED}
        if going.ended_by is not None:
            self._end(step, going.ended_by, going.reason)
        elif code == 0 and made.complaints:
            self._end(step, State.FAILED, "; ".join(made.complaints))
        elif code == 0:
            retried = {case.name for case in before if case.result is Result.FAILED} - failed
            outcome.flaky = sorted(retried)
            self._end(step, State.PASSED, f"passed at attempt {outcome.attempts}" if outcome.attempts > 1 else "")
        elif failed and failed <= self.excused.keys():
            outcome.excused = sorted(failed)
            self._end(step, State.PASSED, f"only quarantined tests failed: {', '.join(outcome.excused)}")
        elif outcome.attempts <= step.retries and not self._cancelled:
            self.listener.line(step, f"golive: failed with exit code {code}; trying again")
            outcome.state = State.WAITING
        else:
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            names = f": {len(failed)} test{'s' if len(failed) > 1 else ''} failed" if failed else ""
            self._end(step, State.FAILED, how + names)

    def _acted(self, step: PlannedStep, future: "Future[dict[str, Any]]") -> None:
        outcome = self.standing[step.name]
        outcome.run_seconds = time.monotonic() - self._began - outcome.began
        error = future.exception()
        if error is None:
            outcome.data |= {key: value for key, value in future.result().items() if not key.startswith("_")}
            self.identity.data |= future.result()
            self._tell_addresses()
            left_out = str(future.result().get("skipped", ""))
            self._end(step, State.SKIPPED if left_out else State.PASSED, left_out)
        elif self._cancelled:
            self._end(step, State.CANCELLED, self._cancelled)
        else:
            self._end(step, State.FAILED if isinstance(error, ActionError) else State.UNKNOWN, str(error))

    def _tell_addresses(self) -> None:
        """Later steps learn where the product answers."""
        for name in ("preview_url", "production_url"):
            if address := self.identity.data.get(name):
                self.settings.told.update(BASE_URL=str(address), GOLIVE_BASE_URL=str(address))
        self.settings.told.update(self.identity.data.get("_told", {}))
        if ticket := self.identity.data.get("_preview_pass"):
            self.settings.told["GOLIVE_PREVIEW_PASS"] = str(ticket)

    def _end(self, step: PlannedStep, state: State, reason: str) -> None:
        outcome = self.standing[step.name]
        if outcome.state is State.WAITING:
            outcome.began = time.monotonic() - self._began
        outcome.state, outcome.reason = state, reason
        self.listener.ended(step, outcome)

    def _kill_all(self) -> None:
        for going in self._going.values():
            _signal(going.popen, signal.SIGKILL)
            going.popen.wait()
            cellwork.discard(going.prepared)


def _signal(popen: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, number)
