"""What pages and API show of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from golive.people.models import Project
from golive.pipelines import gantt
from golive.pipelines.models import Run, RunStep
from golive.pipelines.outcome import State
from golive.pipelines.stages import SHAPES, WHOLE_BUDGET, Stage

RECENT = 20


@dataclass(frozen=True)
class Row:
    """A step as the page shows it."""

    step: RunStep
    number: int
    title: str
    bar: gantt.Bar | None
    blame: str


def rows(run: Run) -> list[Row]:
    """All steps with their bars and what is to blame."""
    steps = list(RunStep.objects.filter(run=run))
    bars = {bar.step.name: bar for bar in gantt.bars(steps, so_far(run))}
    before = _before(run)
    commit = run.commit
    return [
        Row(
            step,
            SHAPES[Stage(step.stage)].number,
            SHAPES[Stage(step.stage)].title,
            bars.get(step.name),
            gantt.blame(step, before.get(step.name), commit),
        )
        for step in steps
    ]


def _before(run: Run) -> dict[str, RunStep]:
    """Each step as it last ran with success before this run."""
    earlier = RunStep.objects.filter(run__project=run.project, run__number__lt=run.number, state=State.PASSED)
    found: dict[str, RunStep] = {}
    for step in earlier.order_by("-run__number")[:200]:
        found.setdefault(step.name, step)
    return found


def so_far(run: Run) -> float:
    """Seconds that the run took or has taken."""
    if run.seconds is not None:
        return run.seconds
    return (timezone.now() - run.began_at).total_seconds() if run.began_at else 0.0


def headline(run: Run) -> str:
    """The first sentence."""
    path = gantt.critical_path(list(RunStep.objects.filter(run=run))) if run.is_over else []
    budget = WHOLE_BUDGET.total_seconds()
    return f"Run #{run.number} " + gantt.headline(State(run.state), run.reason, so_far(run), path, budget)


def trends(project: Project) -> list[dict[str, Any]]:
    """Each stage over the last runs that ran it: seconds oldest first, and how often it went over its budget."""
    found: dict[str, list[RunStep]] = {}
    ran = RunStep.objects.filter(run__project=project, run_seconds__gt=0).exclude(run__state=State.RUNNING)
    for step in ran.order_by("-run__number")[:400]:
        if len(found.setdefault(step.name, [])) < RECENT:
            found[step.name].append(step)
    return [_trend(name, steps[::-1]) for name, steps in sorted(found.items(), key=lambda one: _order(one[1]))]


def _order(steps: Sequence[RunStep]) -> tuple[int, str]:
    return SHAPES[Stage(steps[0].stage)].number, steps[0].name


def _trend(name: str, steps: list[RunStep]) -> dict[str, Any]:
    seconds = sorted(step.seconds for step in steps)
    return {
        "name": name,
        "seconds": [round(step.seconds, 1) for step in steps],
        "median": seconds[len(seconds) // 2],
        "last": steps[-1].seconds,
        "budget": steps[-1].budget_seconds,
        "over": sum(step.seconds > step.budget_seconds for step in steps),
        "failed": sum(step.state in (State.FAILED, State.TIMED_OUT) for step in steps),
        "count": len(steps),
    }
