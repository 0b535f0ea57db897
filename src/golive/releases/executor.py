"""Carries out a deploy's steps, each recorded before and after, and undoes them when one fails.

Killed at any moment it leaves one whole release serving, since only the flip changes who serves; whoever comes next
goes on from the record.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction

from golive.changes import record as changes
from golive.changes.models import Kind as ChangeKind
from golive.kit.clock import Clock
from golive.people import audit
from golive.releases import lock, runtime, sites, trouble
from golive.releases.availability import Availability
from golive.releases.command.target import CommandTarget
from golive.releases.errors import ReleaseError, StepFailed
from golive.releases.gates import objections
from golive.releases.host.slots import Split, assign
from golive.releases.host.target import HostTarget
from golive.releases.models import (
    Deploy,
    DeployKind,
    DeployState,
    DeployStep,
    Environment,
    StepState,
)
from golive.releases.rehearsal import rehearse
from golive.releases.schema import migrate
from golive.releases.steps import SWITCHED, Step
from golive.releases.target import Target, Tell
from golive.releases.watch import Watch

log = logging.getLogger(__name__)
_OLD, _NEW = Path("old"), Path("new")


@dataclass(frozen=True)
class Outcome:
    """How a deploy ended. `state` is a DeployState; `took_seconds` from its beginning."""

    deploy_id: int
    state: DeployState
    reason: str
    took_seconds: float
    availability: dict[str, Any] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        return self.state == DeployState.DONE


def target_of(deploy: Deploy) -> Target:
    """Where a deploy's release runs."""
    return CommandTarget() if runtime.settings_of(deploy.release).target == "command" else HostTarget()


class Executor:
    """Carries out one deploy, from its beginning or from wherever its record ends."""

    def __init__(self, deploy: Deploy, tell: Tell, clock: Clock) -> None:
        self.deploy, self.tell, self.clock = deploy, tell, clock
        self.target = target_of(deploy)
        self.settings = runtime.settings_of(deploy.release)
        self.availability: Availability | None = None
        self.actions: dict[str, Callable[[], str]] = {
            "gates": self._gates,
            "push": lambda: self.target.push(deploy, tell),
            "rehearse": self._rehearse,
            "migrate": lambda: migrate(deploy, tell),
            "start": lambda: self.target.start(deploy, tell),
            "health": lambda: self.target.wait_healthy(deploy, tell),
            "canary": self._canary,
            SWITCHED: self._switch,
            "verify": self._verify,
            "settle": self._settle,
        }

    def run(self) -> Outcome:
        """Carry it out. Raises Refused when another deploy is under way."""
        with lock.held(self.deploy.environment):
            self.deploy.refresh_from_db(fields=["state"])
            try:
                if self.deploy.state == DeployState.RUNNING:
                    self._steps()
                elif self.deploy.state == DeployState.UNDOING:
                    self._undo(self.deploy.reason)
            except (StepFailed, ReleaseError) as error:
                self._undo(str(error))
            except Exception as error:
                log.exception("deploy %d broke", self.deploy.pk)
                self._undo(f"golive itself failed: {type(error).__name__}: {error}")
            finally:
                if self.availability:
                    self.availability.stop()
        began = self.deploy.started_at
        took = ((self.deploy.finished_at or self.clock.now()) - began).total_seconds()
        return Outcome(
            self.deploy.pk, DeployState(self.deploy.state), self.deploy.reason, took, self.deploy.availability
        )

    def _steps(self) -> None:
        for step in self.deploy.steps.exclude(state__in=[StepState.DONE, StepState.SKIPPED]):
            self.entered(step)
            began = time.monotonic()
            try:
                detail = self.actions[step.name]()
            except BaseException as error:
                self._note(step, StepState.FAILED, str(error), began)
                raise
            self.left(step)
            self._note(step, StepState.DONE, detail, began)

    def entered(self, step: DeployStep) -> None:
        """A step begins; recorded first, so that whoever resumes knows how far it came."""
        self.tell(f"→ {step.title}" + (f": {step.does}" if step.does else ""))
        step.state, step.started_at = StepState.RUNNING, self.clock.now()
        step.save(update_fields=["state", "started_at"])

    def left(self, step: DeployStep) -> None:
        """A step's work is done and not yet recorded."""

    def _note(self, step: DeployStep, state: StepState, detail: str, began: float) -> None:
        step.state, step.detail, step.took_ms = state, detail[-20_000:], (time.monotonic() - began) * 1000
        step.save(update_fields=["state", "detail", "took_ms"])

    def _gates(self) -> str:
        found = objections(self.deploy.environment, self.deploy.release, self.deploy.overrides)
        if found:
            raise StepFailed("; ".join(f"{one.gate}: {one.reason}" for one in found))
        overridden = [f"{gate} overridden: {why}" for gate, why in self.deploy.overrides.items()]
        return "; ".join(overridden) or "nothing stands in the way"

    def _rehearse(self) -> str:
        found = rehearse(self.deploy, self.tell)
        self.deploy.migration = found.as_json()
        self.deploy.save(update_fields=["migration"])
        if found.destructive and self.deploy.environment.is_preview:
            self.tell(f"production will take this only with --override migration=WHY: {'; '.join(found.destructive)}")
        elif found.destructive and not self.deploy.overrides.get("migration"):
            raise StepFailed(
                f"The migration is destructive, so that no rollback is possible: {'; '.join(found.destructive)}. "
                "Expand first, contract a release later, or override with a reason: --override migration=WHY"
            )
        return found.said

    def _canary(self) -> str:
        since = self.clock.now()
        said = self.target.canary(self.deploy, self.deploy.canary, self.tell)
        self._probe()
        slots = assign(Split((_OLD,), (_NEW,), self.deploy.canary))
        chosen = frozenset(number for number, socket in enumerate(slots) if socket == _NEW)
        over = self.settings.watch.total_seconds()
        Watch(self.deploy, self.target, over, self.tell, self.availability, chosen).run(since, smoke=False)
        return said

    def _probe(self) -> None:
        """Ask as a customer would from now on, and count."""
        if self.availability is None and self.settings.target == "host" and self.deploy.previous:
            address = sites.address(self.deploy.environment, self.settings.health)
            if not self.deploy.environment.is_preview:
                self.availability = Availability(address, sites.synthetic_headers()).start()

    def _switch(self) -> str:
        self._probe()
        if self.deploy.switched_at is None:
            self.deploy.switched_at = self.clock.now()
            self.deploy.save(update_fields=["switched_at"])
        said = self.target.switch(self.deploy, self.tell)
        # From here on it serves: whoever asks, and the front itself, must find it in the record.
        Environment.objects.filter(pk=self.deploy.environment_id).update(live=self.deploy, asleep=False)
        self.deploy.environment.live = self.deploy
        self.target.serve()
        self._mark()
        return said

    def _mark(self) -> None:
        deploy = self.deploy
        if deploy.environment.is_preview:
            return
        back = deploy.kind == DeployKind.ROLLBACK
        changes.record(
            deploy.environment.project,
            ChangeKind.ROLLBACK if back else ChangeKind.DEPLOY,
            f"deploy:{deploy.pk}" if back or deploy.kind == DeployKind.VARIABLES else deploy.release.name,
            f"{'Rolled back to' if back else 'Deployed'} {deploy.release.name}",
            deploy.switched_at or self.clock.now(),
            environment=deploy.environment.name,
            release=deploy.release.name,
            link=deploy.link,
            actor=deploy.by,
        )

    def _verify(self) -> str:
        if self.deploy.environment.is_preview:  # its end-to-end tests judge it
            look = self.target.look(self.deploy)
            if not look.healthy:
                raise StepFailed(look.problem)
            return "healthy"
        watch = sites.environment_section(self.deploy.environment).watch or self.settings.watch
        since = self.deploy.switched_at or self.clock.now()
        rows = Watch(self.deploy, self.target, watch.total_seconds(), self.tell, self.availability).run(since)
        self.deploy.verdict = rows
        self.deploy.save(update_fields=["verdict"])
        return f"watched for {watch.total_seconds():.0f} s"

    def _settle(self) -> str:
        now, deploy = self.clock.now(), self.deploy
        if self.availability:
            deploy.availability = self.availability.stop()
        deploy.state, deploy.finished_at, deploy.warm_until = DeployState.DONE, now, None
        deploy.save(update_fields=["state", "finished_at", "warm_until", "availability"])
        old = deploy.previous
        if old and old.runs_as.pk != deploy.runs_as.pk:
            warm = timedelta(0) if deploy.environment.is_preview else self.settings.warm
            Deploy.objects.filter(pk=old.runs_as.pk).update(warm_until=now + warm)
        Deploy.objects.filter(pk=deploy.runs_as.pk).update(warm_until=None)
        trouble.mended(deploy, now)
        audit.record(
            deploy.by, f"release.{deploy.kind}", deploy.release.name, project=deploy.environment.project,
            environment=deploy.environment.name, deploy=deploy.pk,
        )  # fmt: skip
        return f"{old.release.name} stays warm" if old else "the first release here"

    def _undo(self, reason: str) -> None:
        """Leave the release that served before as the one that serves, and say so."""
        deploy, now = self.deploy, self.clock.now
        deploy.state, deploy.reason = DeployState.UNDOING, reason[:500]
        deploy.save(update_fields=["state", "reason"])
        self.tell(f"✗ {reason}")
        took_requests = deploy.switched_at is not None or self._was_canary()
        ended = DeployState.ROLLED_BACK if took_requests else DeployState.FAILED
        try:
            if took_requests:
                self._flip_back()
        except (StepFailed, OSError) as error:
            ended, deploy.reason = DeployState.STUCK, f"{reason}; going back failed too: {error}"[:500]
        self._record_undone(ended)
        if not deploy.reuses_id and ended is not DeployState.STUCK:
            self.target.stop(deploy, self.tell)
            Deploy.objects.filter(pk=deploy.pk).update(warm_until=None, stopped_at=now())
        self.tell(f"{ended.value}: " + (f"{deploy.previous.release.name} serves" if deploy.previous else "none serves"))

    def _record_undone(self, ended: DeployState) -> None:
        """Before its processes are stopped, which may take as long as they drain: people hear of it at once."""
        deploy, at = self.deploy, self.clock.now()
        if self.availability:
            deploy.availability = self.availability.stop()
        deploy.state, deploy.finished_at = ended, at
        deploy.warm_until = None if deploy.reuses_id else at  # if we die here, they are stopped by `tend`
        with transaction.atomic():
            deploy.save(update_fields=["state", "reason", "finished_at", "availability", "warm_until"])
            trouble.broke(deploy, at)
            audit.record(
                "golive", f"release.{ended.value.replace(' ', '_')}", deploy.release.name,
                project=deploy.environment.project, environment=deploy.environment.name, reason=deploy.reason,
            )  # fmt: skip

    def _was_canary(self) -> bool:
        return self.deploy.steps.filter(name="canary").exclude(state=StepState.PENDING).exists()

    def _flip_back(self) -> None:
        deploy, old = self.deploy, self.deploy.previous
        if old is None:
            Environment.objects.filter(pk=deploy.environment_id).update(live=None)
            return
        target = target_of(old)
        if not target.is_warm(old):
            self.tell(f"starting {old.release.name} again")
            target.start(old, self.tell)
            target.wait_healthy(old, self.tell)
        began = time.monotonic()
        old.previous = deploy  # whose other processes end with the flip
        target.switch(old, self.tell)
        Environment.objects.filter(pk=deploy.environment_id).update(live=old)
        deploy.environment.live = old
        target.serve()
        self.tell(f"{old.release.name} serves again after {(time.monotonic() - began) * 1000:.0f} ms")
        changes.record(
            deploy.environment.project, ChangeKind.ROLLBACK, f"undo:{deploy.pk}",
            f"{deploy.release.name} rolled back to {old.release.name}", self.clock.now(),
            environment=deploy.environment.name, release=old.release.name, link=deploy.link,
        )  # fmt: skip


def record(deploy: Deploy, planned: Sequence[Step]) -> None:
    """Write down the steps of a deploy before the first begins."""
    DeployStep.objects.bulk_create(
        DeployStep(
            deploy=deploy,
            position=position,
            name=step.name,
            title=step.title,
            does=step.does[:500],
            state=StepState.SKIPPED if step.skip else StepState.PENDING,
            detail=step.skip,
        )
        for position, step in enumerate(planned)
    )
