"""Where a release runs: the seam between a deploy's steps and a host or a user's own commands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from golive.releases.models import Deploy, Environment

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Look:
    """How a release that takes requests is doing, as its target sees it."""

    healthy: bool
    problem: str = ""
    restarts: int = 0
    ended: str = ""
    connections: int | None = None  # to its database


class Target(Protocol):
    """Each method may be called again after a crash and then has the same effect. All raise StepFailed."""

    def push(self, deploy: Deploy, tell: Tell) -> str: ...

    def start(self, deploy: Deploy, tell: Tell) -> str: ...

    def wait_healthy(self, deploy: Deploy, tell: Tell) -> str: ...

    def canary(self, deploy: Deploy, percent: int, tell: Tell) -> str: ...

    def switch(self, deploy: Deploy, tell: Tell) -> str:
        """Send all requests to the deploy's release."""
        ...

    def serve(self) -> bool:
        """Have whatever stands before the releases know all environments. True when that changed it."""
        ...

    def look(self, deploy: Deploy) -> Look: ...

    def stop(self, deploy: Deploy, tell: Tell) -> None:
        """End its processes, what they have under way given time."""
        ...

    def is_warm(self, deploy: Deploy) -> bool:
        """Whether its processes run, so that going back to it is one flip."""
        ...

    def serves(self, environment: Environment, deploy: Deploy) -> bool:
        """Whether requests go to this deploy now."""
        ...
