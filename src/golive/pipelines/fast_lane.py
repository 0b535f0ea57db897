"""The fast lane: a branch that a responder opened goes from lint, unit tests and build straight to production.

No preview and no end-to-end tests stand before it; the post-deploy checks still judge it and roll back by themselves.
Higher rooms register who opens such branches, in their `lanes.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from golive.people.models import Project
from golive.pipelines.stages import Stage
from golive.rooms import modules

STAGES = (Stage.SETUP, Stage.LINT, Stage.UNIT, Stage.BUILD, Stage.PRODUCTION, Stage.CHECKS)


@dataclass(frozen=True)
class Opened:
    """A branch that is open now. `overrides` are the gates that its deploy passes, each with the reason."""

    overrides: Mapping[str, str]


class Lane(Protocol):
    """Knows which branches are open."""

    def opened(self, project: Project, branch: str) -> Opened | None: ...


_lanes: list[Lane] = []


def register_lane(lane: Lane) -> None:
    _lanes.append(lane)


def opened(project: Project, branch: str) -> Opened | None:
    """The lane that a branch goes by; None when it is a branch like any other."""
    for _ in modules("lanes"):  # importing them registers their lanes
        pass
    return next((found for lane in _lanes if (found := lane.opened(project, branch))), None)
