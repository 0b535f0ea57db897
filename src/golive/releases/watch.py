"""Watches a release after the switch: gathers what is seen each second, and lets `verdict` judge."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from golive.journeys import Outcome as JourneyOutcome
from golive.journeys import run as run_journeys
from golive.kit import synthetic
from golive.releases import commandline, runtime, signals, sites
from golive.releases.availability import Availability
from golive.releases.errors import StepFailed
from golive.releases.host.place import place
from golive.releases.models import Deploy, Release
from golive.releases.settings import DeploySection
from golive.releases.target import Target, Tell
from golive.releases.verdict import Judgement, Seen, Traffic, Verdict, judge

LOOK_SECONDS = 1.0
SMOKE_SECONDS = 120.0
UNHEALTHY_LOOKS = 3  # in a row: one lost answer is no verdict


@dataclass
class Smoke:
    """Smoke tests and journeys, run beside the watch."""

    release: Release
    settings: DeploySection
    tell: Tell
    address: str
    failed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._all, name="smoke", daemon=True)
        self.thread.start()

    @property
    def done(self) -> bool:
        return not self.thread.is_alive()

    def _all(self) -> None:
        try:
            self._commands()
            self._journeys()
        except Exception as error:  # a smoke test that could not be made has not passed
            self.failed["smoke"] = f"could not be run: {error}"

    def _commands(self) -> None:
        folder = Path(self.release.folder)
        for line in self.settings.smoke:
            environment = runtime.base(folder) | {"BASE_URL": self.address, "GOLIVE_RELEASE": self.release.name}
            words = runtime.argv(line, environment)
            ended = commandline.run(
                words, folder=folder, environment=environment, tell=self.tell, timeout_seconds=SMOKE_SECONDS
            )
            if not ended.well:
                self.failed[Path(words[0]).name] = ended.said

    def _journeys(self) -> None:
        if not self.settings.journeys:
            return
        results = run_journeys(
            self.settings.journeys,
            self.address,
            folder=Path(self.release.folder),
            python=python_for_journeys(Path(self.release.folder)),
            evidence=place().root / "evidence" / self.release.folder.rpartition("/")[2],
            marker=synthetic.marker(),
        )
        if results.outcome is not JourneyOutcome.PASSED:
            self.failed["journeys"] = results.reason


@dataclass
class Watch:
    """One watch of one deploy; `over` is how long it lasts, in seconds."""

    deploy: Deploy
    target: Target
    over: float
    tell: Tell
    availability: Availability | None = None
    canary_slots: frozenset[int] = frozenset()

    def run(self, since: datetime, *, smoke: bool = True) -> list[dict[str, Any]]:
        """Watch until there is a verdict; what it rests on. Raises StepFailed with the reason."""
        settings = runtime.settings_of(self.deploy.release)
        log = self._front_log(settings)
        smoked = None
        if smoke and (settings.smoke or settings.journeys):  # its address is read here: a thread has no database
            smoked = Smoke(self.deploy.release, settings, self.tell, sites.url(self.deploy.environment))
        old_connections = self.target.look(self.deploy.previous).connections if self.deploy.previous else None
        restarts_before = self.target.look(self.deploy).restarts
        began, bad, connections = time.monotonic(), 0, list[int]()
        while True:
            look = self.target.look(self.deploy)
            bad = 0 if look.healthy else bad + 1
            if look.connections is not None:
                connections.append(look.connections)
            common = Seen(
                healthy=bad < UNHEALTHY_LOOKS and not self._front_problem(),
                health_problem=look.problem or self._front_problem(),
                restarts=look.restarts - restarts_before,
                ended=look.ended,
                new_errors=tuple(signals.new_errors(self.deploy, since)),
                smoke=dict(smoked.failed) if smoked else {},
                smoke_done=smoked.done if smoked else True,
                old_connections=old_connections,
                connections=tuple(connections),
            )
            elapsed = time.monotonic() - began
            found = [replace(common, **traffic) for traffic in self._traffic(log, since)]
            slack = settings.slack.total_seconds() * 1000
            verdict = whole([judge(seen, elapsed, self.over, slack) for seen in found])
            if verdict.judgement is Judgement.FAIL:
                raise StepFailed(verdict.reason)
            if verdict.judgement is Judgement.PASS:
                self.tell(verdict.reason)
                return [_row(seen) for seen in found]
            time.sleep(min(LOOK_SECONDS, max(0.1, self.over / 10)))

    def _front_problem(self) -> str:
        if self.availability is not None and self.availability.streak >= UNHEALTHY_LOOKS:
            return f"through the front: {self.availability.last_problem}"
        return ""

    def _front_log(self, settings: DeploySection) -> signals.FrontLog | None:
        if settings.target != "host":
            return None
        environment = self.deploy.environment
        names = sites.domains(environment, sites.deploy_section(environment.project))
        return signals.FrontLog(place().access_log, names, settings.health)

    def _traffic(self, log: signals.FrontLog | None, since: datetime) -> list[dict[str, Any]]:
        read: list[tuple[str, Callable[[], tuple[Traffic, Traffic] | None]]] = []
        if log is not None:
            slots = self.canary_slots
            read.append(("front", lambda: signals.canary(log, since, slots) if slots else signals.front(log, since)))
        read.append(("telemetry", lambda: signals.telemetry(self.deploy, since)))
        found = [(name, pair) for name, look in read if (pair := look()) is not None]
        return [{"source": name, "old": old, "new": new} for name, (old, new) in found] or [{}]


def python_for_journeys(folder: Path) -> Path | None:
    """golive's own Python where the release was built without golive-client, as production's dependencies are."""
    kept = any((folder / ".venv" / "lib").glob("python*/site-packages/golive_client"))
    return None if kept else Path(sys.executable)


def whole(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict from those over several sources: the worst of them."""
    for judgement in (Judgement.FAIL, Judgement.WAIT):
        if found := next((one for one in verdicts if one.judgement is judgement), None):
            return found
    return verdicts[0]


def _row(seen: Seen) -> dict[str, Any]:
    return {
        "source": seen.source,
        "old": _numbers(seen.old),
        "new": _numbers(seen.new),
        "connections": list(seen.connections)[-1:],
        "old_connections": seen.old_connections,
    }


def _numbers(one: Traffic) -> dict[str, Any]:
    p95 = round(one.p95_ms, 1) if one.p95_ms is not None else None
    return {"requests": one.requests, "failures": one.failures, "p95_ms": p95}
