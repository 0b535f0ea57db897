"""`[pipeline.STAGE]` of golive.toml. It is read from the commit that is run: applying it changes nothing in golive."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, model_validator

from golive.config.sections import Difference, Section, register
from golive.config.values import Duration
from golive.pipelines import origin
from golive.pipelines.load import section as load
from golive.pipelines.stages import SHAPES, Stage

NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SERVICES = ("postgres", "redis")


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Words = Annotated[list[str], BeforeValidator(_list)]


class StepSection(BaseModel):
    """One step: commands that run in order, in a copy of the commit, apart from everything else."""

    model_config = ConfigDict(extra="forbid")
    run: Words = []
    """Commands for the shell, one after the other; the step fails with the first that fails."""
    inputs: Words = ["**"]
    """Files that the result depends on, such as ["src/**", "!docs/**"]. Unchanged inputs are not run again."""
    outputs: Words = []
    """Files and folders that the step makes and later stages receive."""
    needs: Words = []
    """Other steps of this stage that must pass first."""
    services: Words = []
    """Servers started for this step alone: "postgres" gives $POSTGRES_URL, "redis" gives $REDIS_URL."""
    prepare: Words = []
    """Commands that fill the template database (migrations); each worker gets a clone of it."""
    secrets: Words = []
    """Names of secrets (`golive secret set NAME`) that are put into the environment, and masked in logs."""
    environment: dict[str, str] = {}
    """Variables; "$POSTGRES_URL" and the like are filled in."""
    caches: Words = []
    """Folders of tools that are kept from run to run, such as ".mypy_cache". They never change the result."""
    tests: Words = []
    """Test files to split over workers; a command receives its share as $TESTS. For e2e: the journeys' files."""
    split: Annotated[int, Field(ge=1, le=32)] = 1
    """How many workers share the tests, by recorded durations."""
    retries: Annotated[int, Field(ge=0, le=5)] = 0
    """How often a failed step is tried again. A test that then passes is reported as flaky."""
    timeout: Duration | None = None
    """The step is stopped by force after this time."""
    junit: Words = []
    """JUnit XML files with test results; pytest's are collected without asking."""
    coverage: Words = []
    """Coverage reports (Cobertura XML, such as coverage.xml)."""
    artifacts: Words = []
    """Files that are kept with the run."""
    affected: bool = False
    """For pytest with pytest-testmon installed: the tests that a change affects run first, then all of them."""
    cache: bool = True
    """false: run every time, whatever the inputs."""

    @model_validator(mode="after")
    def _sound(self) -> "StepSection":
        if unknown := [name for name in self.services if name not in SERVICES]:
            raise ValueError(f"the services {', '.join(SERVICES)}; not {', '.join(unknown)}")
        if wrong := [name for name in (*self.environment, *self.secrets) if not VARIABLE.fullmatch(name)]:
            raise ValueError(f"names of variables are letters, digits and _; not {', '.join(wrong)}")
        for path in (*self.outputs, *self.caches, *self.artifacts, *self.junit, *self.coverage):
            if path.startswith(("/", "~")) or ".." in path.split("/"):
                raise ValueError(f"paths inside the repository; not {path!r}")
        if self.split > 1 and not self.tests:
            raise ValueError("split needs tests: the files that are shared out")
        if self.prepare and "postgres" not in self.services:
            raise ValueError('prepare needs services = ["postgres"]')
        return self


class StageSection(StepSection):
    """A stage: one step, or several under `steps`."""

    budget: Duration | None = None
    """The stage should take no longer; reported, never enforced. The cookbook's by default."""
    steps: dict[str, StepSection] = {}
    """The stage's steps by name, where one is not enough; they run side by side unless one needs another."""

    @property
    def does(self) -> bool:
        """It says what to do, rather than leaving it to golive."""
        return bool(self.run or self.steps or self.tests)

    @model_validator(mode="after")
    def _graph(self) -> "StageSection":
        if self.steps and self.run:
            raise ValueError("either run or steps, not both")
        for name, step in self.steps.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"names of steps of small letters, digits, - and _; not {name!r}")
            if unknown := [need for need in step.needs if need not in self.steps or need == name]:
                raise ValueError(f"needs names other steps of this stage; not {', '.join(unknown)}")
        order(self.steps)
        return self


class PipelineSection(RootModel[dict[str, StageSection]]):
    """What each stage runs, by stage."""

    root: dict[str, StageSection] = {}

    @model_validator(mode="after")
    def _stages(self) -> "PipelineSection":
        if unknown := [name for name in self.root if name not in set(Stage)]:
            raise ValueError(f"the stages {', '.join(Stage)}; not {', '.join(unknown)}")
        for name, stage in self.root.items():
            if not stage.run and not stage.steps and not SHAPES[Stage(name)].acts:
                raise ValueError(f"{name}.run (commands) or {name}.steps is needed")
        return self


def order(steps: dict[str, StepSection]) -> list[str]:
    """The steps' names with each after those it needs. Raises ValueError when they need each other in a ring."""
    done: list[str] = []
    while len(done) < len(steps):
        ready = [name for name, step in steps.items() if name not in done and all(n in done for n in step.needs)]
        if not ready:
            raise ValueError(f"steps that do not need each other in a ring: {', '.join(set(steps) - set(done))}")
        done += ready
    return done


def differences(project_id: int, wanted: PipelineSection) -> list[Difference]:
    """None: a pipeline belongs to its commit."""
    return []


def apply(project_id: int, wanted: PipelineSection, actor: str) -> None:
    """Nothing: a pipeline belongs to its commit."""


register(Section("pipeline", PipelineSection, differences, apply))
register(origin.SECTION)
register(load.SECTION)
