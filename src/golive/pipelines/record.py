"""The listener that writes a run down: rows for what stands, files for what was said."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from golive.people.models import Project
from golive.pipelines import flaky
from golive.pipelines.junit import Result, by_file
from golive.pipelines.logs import Writer
from golive.pipelines.models import Run, RunStep, TestFile
from golive.pipelines.outcome import Outcome, State
from golive.pipelines.plan import Plan, PlannedStep

SLOWEST = 5


def next_number(project: Project) -> int:
    """The number of the project's next run; to be used in the transaction that makes it."""
    return (Run.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0) + 1


def create(project: Project, **given: object) -> Run:
    """A new run with the project's next number."""
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        return Run.objects.create(project=project, number=next_number(project), **given)


class Recorder:
    """Writes one run down."""

    def __init__(self, run: Run, logs: Writer) -> None:
        self.run, self.logs = run, logs
        self.rows: dict[str, RunStep] = {}

    def planned(self, plan: Plan) -> None:
        with transaction.atomic():
            RunStep.objects.filter(run=self.run).delete()
            self.run.state, self.run.reason = State.RUNNING, ""
            self.run.began_at = self.run.alive_at = timezone.now()
            self.run.save(update_fields=["state", "reason", "began_at", "alive_at"])
            for position, step in enumerate(plan.steps):
                self.rows[step.name] = RunStep.objects.create(
                    run=self.run,
                    position=position,
                    name=step.name,
                    stage=step.stage,
                    needs=list(step.needs),
                    commands=list(step.commands),
                    budget_seconds=step.budget.total_seconds(),
                )

    def began(self, step: PlannedStep, outcome: Outcome) -> None:
        self.logs.begin(step.name)
        self._save(step, outcome)

    def line(self, step: PlannedStep, text: str) -> None:
        self.logs.line(step.name, text)

    def ended(self, step: PlannedStep, outcome: Outcome) -> None:
        row = self.rows[step.name]
        now = timezone.now()
        if outcome.tests:
            row.tests_all = len(outcome.tests)
            row.tests_passed = sum(case.result is Result.PASSED for case in outcome.tests)
            slow = sorted(outcome.tests, key=lambda case: -case.seconds)[:SLOWEST]
            row.slowest = [[case.name, round(case.seconds, 3)] for case in slow]
            outcome.flaky = flaky.learn(self.run, row, outcome.tests, outcome.flaky, now)
            self._durations(outcome)
        elif isinstance(counts := outcome.data.get("tests"), dict):
            row.tests_all, row.tests_passed = int(counts.get("all", 0)), int(counts.get("passed", 0))
        self._save(step, outcome)

    def finished(self, state: State, reason: str, seconds: float) -> None:
        self.run.state, self.run.reason, self.run.seconds = state, reason[:1000], seconds
        self.run.ended_at = timezone.now()
        self.run.save(update_fields=["state", "reason", "seconds", "ended_at", "data"])

    def _save(self, step: PlannedStep, outcome: Outcome) -> None:
        row = self.rows[step.name]
        for name in (
            "state", "began", "prepare_seconds", "services_seconds", "run_seconds", "finish_seconds", "attempts",
            "key", "cached_from", "saved_seconds", "flaky", "excused", "artifacts", "coverage",
        ):  # fmt: skip
            setattr(row, name, getattr(outcome, name))
        row.reason, row.key_reason = outcome.reason[:1000], outcome.key_reason[:500]
        row.data = {key: value for key, value in outcome.data.items() if key != "gather_began"}
        if outcome.state.ended and step.action:
            self.run.data |= row.data
            self.run.save(update_fields=["data"])
        row.save()

    def _durations(self, outcome: Outcome) -> None:
        for file, seconds in by_file(outcome.tests).items():
            TestFile.objects.update_or_create(
                project=self.run.project, file=file[:400], defaults={"seconds": round(seconds, 3)}
            )


def durations(project: Project) -> dict[str, float]:
    """The known seconds of the project's test files."""
    return dict(TestFile.objects.filter(project=project).values_list("file", "seconds"))


def died(now: datetime, silence: timedelta = timedelta(seconds=60)) -> int:
    """Runs whose process is gone are over, and nobody knows how they would have ended; how many."""
    gone = Run.objects.filter(state=State.RUNNING, alive_at__lt=now - silence, job_id=None)
    return gone.update(state=State.UNKNOWN, reason="the process that ran it is gone", ended_at=now)
