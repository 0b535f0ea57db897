"""The eight stages of a pipeline with the cookbook's budgets, their order, and the set-up before them."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Stage(StrEnum):
    """A stage of the pipeline; `setup` prepares what several stages share and is no stage of its own."""

    SETUP = "setup"
    LINT = "lint"
    UNIT = "unit"
    INTEGRATION = "integration"
    BUILD = "build"
    PREVIEW = "preview"
    E2E = "e2e"
    PRODUCTION = "production"
    CHECKS = "checks"


@dataclass(frozen=True)
class Shape:
    """What golive knows of a stage: its number, its soft budget, when it is stopped by force, what must pass first."""

    number: int
    title: str
    budget: timedelta
    timeout: timedelta
    needs: tuple[Stage, ...]
    acts: bool = False  # golive does it itself (deploys, checks) unless the stage names commands


_TESTED = (Stage.LINT, Stage.UNIT, Stage.INTEGRATION, Stage.BUILD)
SHAPES: dict[Stage, Shape] = {
    Stage.SETUP: Shape(0, "Set up", timedelta(seconds=30), timedelta(minutes=10), ()),
    Stage.LINT: Shape(1, "Lint and types", timedelta(seconds=30), timedelta(minutes=5), (Stage.SETUP,)),
    Stage.UNIT: Shape(2, "Unit tests", timedelta(seconds=60), timedelta(minutes=10), (Stage.SETUP,)),
    Stage.INTEGRATION: Shape(3, "Integration tests", timedelta(seconds=90), timedelta(minutes=15), (Stage.SETUP,)),
    Stage.BUILD: Shape(4, "Build", timedelta(seconds=60), timedelta(minutes=10), (Stage.SETUP,)),
    Stage.PREVIEW: Shape(5, "Preview", timedelta(seconds=10), timedelta(minutes=5), _TESTED, acts=True),
    Stage.E2E: Shape(6, "End to end", timedelta(minutes=3), timedelta(minutes=15), (Stage.PREVIEW,), acts=True),
    Stage.PRODUCTION: Shape(
        7, "Production", timedelta(seconds=60), timedelta(minutes=15), (*_TESTED, Stage.E2E), acts=True
    ),
    Stage.CHECKS: Shape(
        8, "Post-deploy checks", timedelta(seconds=30), timedelta(minutes=5), (Stage.PRODUCTION,), acts=True
    ),
}
WHOLE_BUDGET = timedelta(minutes=8)
LOCAL = (Stage.SETUP, *_TESTED)
