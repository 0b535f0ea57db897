"""The plan of a run as data: which steps, in which order, which of them are left out and why. It executes nothing."""

import platform
import re
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

from golive.pipelines.globs import chosen
from golive.pipelines.key import Key, key_of
from golive.pipelines.section import PipelineSection, StageSection, StepSection, order
from golive.pipelines.shares import shared_out
from golive.pipelines.stages import SHAPES, Shape, Stage

TESTMON = ".testmon"  # what pytest-testmon learnt, kept from run to run
# The repository's own addopts (coverage, parallel runs) are for other tests.
JOURNEYS = "python -m pytest -p golive-journeys --journeys=evidence -o addopts= -p no:cacheprovider -ra -q $TESTS"


@dataclass(frozen=True)
class PlannedStep:
    """One step of a run. `action` names what golive does itself; otherwise `commands` run in a copy of the tree."""

    name: str
    stage: Stage
    commands: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    action: str = ""
    skip: str = ""  # why it is left out; holds nobody up
    withheld: str = ""  # why it must not run here; then what needs it does not run either
    services: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    junit: tuple[str, ...] = ()
    coverage: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    retries: int = 0
    timeout: timedelta = timedelta(minutes=10)
    budget: timedelta = timedelta(minutes=1)
    cacheable: bool = True
    parts: Mapping[str, str] = field(default_factory=dict)

    def key(self, below: Mapping[str, str]) -> Key:
        """The key of its result, given the keys of the steps whose outputs it receives."""
        return key_of({**self.parts, **{f"step {name}": key for name, key in below.items()}})


@dataclass(frozen=True)
class Plan:
    """What a run will do, in an order in which it can be done."""

    steps: tuple[PlannedStep, ...]
    tree: str

    def as_data(self) -> list[dict[str, Any]]:
        """For `--dry-run` and machines: no key parts, seconds instead of durations."""
        rows = []
        for step in self.steps:
            row = asdict(replace(step, parts={}))
            row |= {"timeout": step.timeout.total_seconds(), "budget": step.budget.total_seconds()}
            row["inputs"] = sum(name.startswith("file ") for name in step.parts)
            rows.append({key: value for key, value in row.items() if key != "parts"})
        return rows


@dataclass(frozen=True)
class Wish:
    """What is asked of a run: which stages, and whether it comes from somebody who may not see secrets."""

    stages: Collection[Stage]
    trusted: bool = True
    why_not: Mapping[Stage, str] = field(default_factory=dict)
    only: bool = False  # only the stages named (and the set-up), whatever they would otherwise wait for


def plan(
    section: PipelineSection,
    files: Mapping[str, str],
    wish: Wish,
    *,
    tree: str = "",
    durations: Mapping[str, float] | None = None,
) -> Plan:
    """The plan for a tree: `files` are its paths with their hashes, `durations` the known seconds of test files."""
    steps: list[PlannedStep] = []
    for stage, shape in SHAPES.items():
        given = section.root.get(stage)
        if stage not in wish.stages:
            continue
        needs = tuple(step.name for step in steps if step.stage in _needed(stage, wish))
        if reason := wish.why_not.get(stage) or _lacking(given, shape):
            steps.append(PlannedStep(stage, stage, needs=needs, skip=reason, budget=shape.budget))
            continue
        steps += _stage(stage, given or StageSection(), shape, needs, files, wish, durations or {})
    return Plan(tuple(steps), tree)


def _needed(stage: Stage, wish: Wish) -> set[Stage]:
    """The stages below it that are part of the run; where one is left out, what that would have waited for."""
    found: set[Stage] = set()
    for below in SHAPES[stage].needs:
        found |= {below} if below in wish.stages else set() if wish.only else _needed(below, wish)
    return found | ({Stage.SETUP} if stage is not Stage.SETUP else set())


def _lacking(given: StageSection | None, shape: Shape) -> str:
    if given is None and not shape.acts:
        return "golive.toml names no commands for it"
    return ""


def _stage(
    stage: Stage,
    given: StageSection,
    shape: Shape,
    needs: tuple[str, ...],
    files: Mapping[str, str],
    wish: Wish,
    durations: Mapping[str, float],
) -> list[PlannedStep]:
    budget = given.budget or shape.budget
    if stage is Stage.E2E and given.tests and not given.run:
        given = given.model_copy(update={"run": [JOURNEYS], "artifacts": ["evidence/**", *given.artifacts]})
    if not given.run and not given.steps:
        timeout = given.timeout or shape.timeout
        return [PlannedStep(stage, stage, needs=needs, action=stage, budget=budget, timeout=timeout, cacheable=False)]
    sections: dict[str, StepSection] = {str(stage): given} if given.run else {}
    sections |= {f"{stage}.{name}": given.steps[name] for name in order(given.steps)}
    made: list[PlannedStep] = []
    for name, section in sections.items():
        inner = tuple(
            step.name for step in made for need in section.needs if step.name.split("#")[0] == f"{stage}.{need}"
        )
        step = _step(name, stage, section, needs + inner, budget, section.timeout or shape.timeout, files, wish)
        made += _workers(step, section, files, durations)
    return made


def _step(
    name: str,
    stage: Stage,
    section: StepSection,
    needs: tuple[str, ...],
    budget: timedelta,
    timeout: timedelta,
    files: Mapping[str, str],
    wish: Wish,
) -> PlannedStep:
    withheld = ""
    if section.secrets and not wish.trusted:
        withheld = f"it needs secrets ({', '.join(section.secrets)}), which a fork's pull request never gets"
    commands, caches, variables = _affected(section) if section.affected else (section.run, section.caches, {})
    parts = {f"file {path}": files[path] for path in chosen(files, section.inputs)}
    parts |= {f"command {number}": command for number, command in enumerate(commands, 1)}
    parts |= {f"preparation {number}": command for number, command in enumerate(section.prepare, 1)}
    parts |= {f"variable {key}": value for key, value in section.environment.items()}
    parts |= {f"service {service}": "1" for service in section.services}
    parts |= {f"output {pattern}": "1" for pattern in section.outputs}
    parts |= {
        "machine": f"{platform.system()} {platform.machine()}",
        "python": ".".join(map(str, sys.version_info[:3])),
    }
    return PlannedStep(
        name,
        stage,
        commands=tuple(commands),
        needs=needs,
        withheld=withheld,
        services=tuple(section.services),
        prepare=tuple(section.prepare),
        secrets=tuple(section.secrets),
        environment={**variables, **section.environment},
        outputs=tuple(section.outputs),
        caches=tuple(caches),
        junit=tuple(section.junit),
        coverage=tuple(section.coverage),
        artifacts=tuple(section.artifacts),
        retries=section.retries,
        timeout=timeout,
        budget=budget,
        cacheable=section.cache and not SHAPES[stage].acts,
        parts=parts,
    )


def _affected(section: StepSection) -> tuple[list[str], list[str], dict[str, str]]:
    """Commands that run the affected tests first: a failure is known at once. Then all of them run, and are learnt.

    Without pytest-testmon, or on the first run, only all of them run. pytest's exit code 5 says that none is affected.
    """
    commands = []
    for command in section.run:
        if re.search(r"\bpytest\b", command):
            known = f"test -e {TESTMON}/data && python -c 'import testmon' 2>/dev/null"
            commands.append(f"if {known}; then {command} --testmon --testmon-forceselect || test $? = 5; fi")
            commands.append(
                f"if python -c 'import testmon' 2>/dev/null; then mkdir -p {TESTMON}; {command} --testmon-noselect; "
                f"else {command}; fi"
            )
        else:
            commands.append(command)
    return commands, [*section.caches, TESTMON], {"TESTMON_DATAFILE": f"{TESTMON}/data"}


def _workers(
    step: PlannedStep, section: StepSection, files: Mapping[str, str], durations: Mapping[str, float]
) -> Sequence[PlannedStep]:
    if not section.tests:
        return [step]
    tests = chosen(files, section.tests)
    if not tests:
        return [replace(step, skip=f"no file fits tests = {section.tests}")]
    shares = shared_out(tests, durations, section.split)
    made = []
    for number, share in enumerate(shares, 1):
        variable = {"TESTS": shlex.join(share)}
        name = f"{step.name}#{number}" if len(shares) > 1 else step.name
        made.append(
            replace(
                step,
                name=name,
                environment={**step.environment, **variable},
                parts={**step.parts, "share of the tests": variable["TESTS"]},
            )
        )
    return made
