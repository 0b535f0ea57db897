"""What a run tells while it goes on, and what golive itself can do in a run (deploys, checks)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from golive.pipelines.outcome import Outcome, State
from golive.pipelines.plan import Plan, PlannedStep
from golive.pipelines.tree import Repository


class Listener(Protocol):
    """Is told of everything in the order in which it happens, from one thread."""

    def planned(self, plan: Plan) -> None: ...

    def began(self, step: PlannedStep, outcome: Outcome) -> None: ...

    def line(self, step: PlannedStep, text: str) -> None: ...

    def ended(self, step: PlannedStep, outcome: Outcome) -> None: ...

    def finished(self, state: State, reason: str, seconds: float) -> None: ...


class Listeners:
    """Several listeners as one."""

    def __init__(self, *listeners: Listener) -> None:
        self.all = listeners

    def planned(self, plan: Plan) -> None:
        for one in self.all:
            one.planned(plan)

    def began(self, step: PlannedStep, outcome: Outcome) -> None:
        for one in self.all:
            one.began(step, outcome)

    def line(self, step: PlannedStep, text: str) -> None:
        for one in self.all:
            one.line(step, text)

    def ended(self, step: PlannedStep, outcome: Outcome) -> None:
        for one in self.all:
            one.ended(step, outcome)

    def finished(self, state: State, reason: str, seconds: float) -> None:
        for one in self.all:
            one.finished(state, reason, seconds)


class ActionError(Exception):
    """golive could not do what a stage asks for; the message says what to do."""


@dataclass(frozen=True)
class Context:
    """What an action is given. `data` is what earlier actions told (the preview's address, the release)."""

    project: str
    repository: Repository
    tree: str
    commit: str
    ref: str
    pull_request: str
    outputs: Mapping[str, Path]  # packed outputs of earlier steps by name
    data: Mapping[str, Any]
    say: Callable[[str], None] = field(repr=False)
    stopped: Callable[[], bool] = field(repr=False)


# Does one stage; returns what it tells later ones. Raises ActionError when it did not work.
Action = Callable[[Context], dict[str, Any]]
