"""A run as people at a terminal, and those who push, see it."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from golive.pipelines.models import Run, RunStep
from golive.pipelines.outcome import Outcome, State
from golive.pipelines.plan import Plan, PlannedStep
from golive.pipelines.stages import SHAPES, Stage

STYLES = {
    State.PASSED: "green",
    State.CACHED: "green",
    State.FAILED: "red",
    State.TIMED_OUT: "red",
    State.RUNNING: "blue",
    State.UNKNOWN: "yellow",
    State.BLOCKED: "yellow",
}


def took(seconds: float) -> str:
    """Seconds for people: "0.3 s", "12.0 s", "3 min 5 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def ending(name: str, outcome: Outcome, budget_seconds: float) -> str:
    """The line that says how a step ended."""
    parts = [f"{name} {outcome.state}"]
    if outcome.state is State.CACHED:
        parts.append(f"(as in {outcome.cached_from}, saves {took(outcome.saved_seconds)})")
    elif outcome.run_seconds:
        over = outcome.seconds - budget_seconds
        parts.append(f"in {took(outcome.seconds)}" + (f", {took(over)} over its budget" if over > 0 else ""))
    if outcome.tests:
        parts.append(f"· {len(outcome.tests)} tests")
    if outcome.reason and outcome.state is not State.CACHED:
        parts.append(f"· {outcome.reason}")
    if outcome.flaky:
        parts.append(f"· flaky: {', '.join(outcome.flaky)}")
    return " ".join(parts)


class Terminal:
    """Prints a run as it goes: each line behind its step's name."""

    def __init__(self, write: Callable[[str, str], None]) -> None:
        self.write = write  # text, style
        self.width = 10

    def planned(self, plan: Plan) -> None:
        self.width = max((len(step.name) for step in plan.steps), default=8)

    def began(self, step: PlannedStep, outcome: Outcome) -> None:
        pass

    def line(self, step: PlannedStep, text: str) -> None:
        self.write(f"{step.name:<{self.width}} │ {text}", "")

    def ended(self, step: PlannedStep, outcome: Outcome) -> None:
        budget = step.budget.total_seconds()
        self.write(
            f"{step.name:<{self.width}} ┃ {ending('', outcome, budget).strip()}", STYLES.get(outcome.state, "dim")
        )

    def finished(self, state: State, reason: str, seconds: float) -> None:
        self.write(f"Run {state} in {took(seconds)}: {reason}.", STYLES.get(state, "bold"))


def printer(console: Console) -> Callable[[str, str], None]:
    """Writes lines of a run to a terminal; what steps print is never taken for markup."""

    def write(text: str, style: str) -> None:
        console.print(Text.from_ansi(text, style=style) if not style else Text(text, style=style), soft_wrap=True)

    return write


def stage_table(run: Run) -> Table:
    """Each step with its time beside its stage's budget."""
    table = Table("stage", "step", "state", "took", "budget", "overhead", "tests", "", box=None)
    for step in RunStep.objects.filter(run=run):
        state = State(step.state)
        shape = SHAPES[Stage(step.stage)]
        spent = took(step.seconds) if state.ended and step.run_seconds else ""
        tests = f"{step.tests_passed} of {step.tests_all}" if step.tests_all else ""
        number = str(shape.number) if shape.number else ""
        overhead = took(step.overhead_seconds) if state in (State.PASSED, State.FAILED, State.CACHED) else ""
        why = f"as in {step.cached_from}, saves {took(step.saved_seconds)}" if state is State.CACHED else step.reason
        style = STYLES.get(state, "default")
        budget = took(step.budget_seconds)
        table.add_row(number, step.name, f"[{style}]{state}[/]", spent, budget, overhead, tests, why)
    return table
