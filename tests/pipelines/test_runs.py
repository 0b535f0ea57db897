"""Runs of a small pipeline, with real processes."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import timezone

from golive.people import secrets
from golive.people.models import Project
from golive.pipelines import definition, engine, flaky, isolate, logs, tree
from golive.pipelines.listener import Listener
from golive.pipelines.models import FlakyTest, Run, RunStep, Trigger
from golive.pipelines.outcome import Outcome, State
from golive.pipelines.plan import Plan, PlannedStep
from golive.pipelines.stages import LOCAL, Stage
from tests.pipelines.conftest import Commit

pytestmark = pytest.mark.django_db(transaction=True)


def ship(
    project: Project, folder: Path, stages: list[Stage] | None = None, *listeners: Listener, **more: object
) -> Run:
    """Run the pipeline on a folder as it is."""
    found, wanted = tree.of_folder(folder, folder / ".scratch.git")
    only = stages is not None
    chosen = [Stage.SETUP, *(stages or LOCAL)]
    run = engine.create(project, found, Trigger.LOCAL, wanted, chosen, "test", only=only, **more)  # type: ignore[arg-type]
    engine.execute(run, *listeners)
    run.refresh_from_db()
    return run


def states(run: Run) -> dict[str, str]:
    return dict(RunStep.objects.filter(run=run).values_list("name", "state"))


def said(run: Run, step: str) -> str:
    return "\n".join(text for _, text in logs.lines(logs.folder(run.project.slug, run.number) / f"{step}.log"))


PIPELINE = """
[pipeline.setup]
run = ["mkdir tools", "echo made > tools/made"]
inputs = ["tools.txt"]
outputs = ["tools"]
[pipeline.lint]
run = "cat tools/made"
inputs = ["a.txt"]
[pipeline.unit]
run = ["cat a.txt", "test ! -e b.txt"]
[pipeline.build]
run = "mkdir dist; cp a.txt dist/out"
outputs = ["dist/**"]
artifacts = ["dist/out"]
"""


def test_a_run_passes_is_kept_and_its_results_are_used_again(
    project: Project, repository: Path, commit: Commit
) -> None:
    commit(PIPELINE, {"a.txt": "one", "tools.txt": "1"})
    first = ship(project, repository)
    assert first.state == State.PASSED, first.reason
    assert said(first, "lint") == "$ cat tools/made\nmade"
    assert (logs.folder("shop", first.number) / "artifacts" / "build" / "dist" / "out").read_text() == "one"
    again = ship(project, repository)
    assert set(states(again).values()) == {State.CACHED, State.SKIPPED}
    assert said(again, "unit") == said(first, "unit"), "the log is replayed"
    (repository / "b.txt").write_text("not committed, and yet it counts")
    third = ship(project, repository)
    assert states(third)["lint"] == State.CACHED
    assert states(third)["unit"] == State.FAILED
    assert RunStep.objects.get(run=third, name="unit").key_reason == "file b.txt is new"
    assert third.state == State.FAILED
    (repository / "b.txt").unlink()
    fresh = ship(project, repository, fresh=True)
    assert set(states(fresh).values()) == {State.PASSED, State.SKIPPED}


def test_what_takes_too_long_is_stopped_with_all_that_it_started(
    project: Project, repository: Path, commit: Commit
) -> None:
    commit('[pipeline.unit]\nrun = "sleep 987 & sleep 986"\ntimeout = "500ms"')
    run = ship(project, repository, [Stage.UNIT])
    step = RunStep.objects.get(run=run, name="unit")
    assert (step.state, run.state) == (State.TIMED_OUT, State.FAILED)
    assert "longer than 500ms" in step.reason
    assert not [line for line in os.popen("ps -eo args") if line.startswith("sleep 98")]  # noqa: S605


def test_a_run_is_cancelled_by_its_row(
    project: Project, repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit('[pipeline.unit]\nrun = "echo up; sleep 60"')
    looks: list[Run] = []
    look = engine.sign_of_life

    def busy_at_first(run: Run) -> str:
        looks.append(run)
        if len(looks) == 1:
            raise OperationalError("database is locked")
        return look(run)

    monkeypatch.setattr(engine, "sign_of_life", busy_at_first)
    run = ship(project, repository, [Stage.UNIT], Stopper())
    assert (run.state, run.reason) == (State.CANCELLED, "by a test")
    assert states(run)["unit"] == State.CANCELLED
    assert len(looks) > 1, "a look that failed was not the last"


class Stopper:
    """Cancels the run by its row as soon as a command of it has spoken.

    From the run's own thread: a second one that reads all the time gets in the way of an in-memory database.
    """

    def line(self, step: PlannedStep, text: str) -> None:
        if text == "up":
            assert engine.cancel(Run.objects.get(), "by a test")

    def planned(self, plan: Plan) -> None: ...

    def began(self, step: PlannedStep, outcome: Outcome) -> None: ...

    def ended(self, step: PlannedStep, outcome: Outcome) -> None: ...

    def finished(self, state: State, reason: str, seconds: float) -> None: ...


def test_a_secret_reaches_only_the_stage_that_names_it_and_no_log(
    project: Project, repository: Path, commit: Commit
) -> None:
    secrets.put("API_KEY", "hunter2hunter2")
    text = """
[pipeline.lint]
run = "env"
[pipeline.unit]
run = ["env", "test $API_KEY = hunter2hunter2"]
secrets = ["API_KEY"]
"""
    commit(text)
    run = ship(project, repository)
    assert run.state == State.PASSED, run.reason
    assert "API_KEY=***" in said(run, "unit")
    assert "API_KEY" not in said(run, "lint")
    secrets.put("API_KEY", "another-value")
    assert states(ship(project, repository))["unit"] == State.FAILED, "a new value is a new key"


def test_a_flaky_test_is_recognised_and_quarantine_excuses_it(
    project: Project, repository: Path, commit: Commit
) -> None:
    report = '<testsuite><testcase classname="t" name="dice">{}</testcase></testsuite>'
    files = {
        "good.xml": report.format(""),
        "bad.xml": report.format('<failure message="unlucky"/>'),
        "dice.sh": """
if [ -e $XDG_CACHE_HOME/seen ]; then cp good.xml $REPORTS; exit; fi
touch $XDG_CACHE_HOME/seen; cp bad.xml $REPORTS; exit 1
""",
    }
    commit('[pipeline.unit]\nrun = "sh dice.sh"\nretries = 1', files)
    run = ship(project, repository, [Stage.UNIT])
    step = RunStep.objects.get(run=run, name="unit")
    assert (run.state, step.attempts, step.flaky) == (State.PASSED, 2, ["t::dice"]), said(run, "unit")
    assert FlakyTest.objects.get().times == 1
    commit('[pipeline.unit]\nrun = "cp bad.xml $REPORTS; exit 1"')
    assert ship(project, repository, [Stage.UNIT]).state == State.FAILED, "flaky is no excuse by itself"
    now = timezone.now()
    keep = {"owner": "ada", "reason": "races", "now": now, "actor": "test"}
    with pytest.raises(flaky.QuarantineError):
        flaky.quarantine(project, "t::dice", until=now + timedelta(days=90), **keep)
    flaky.quarantine(project, "t::dice", until=now + timedelta(days=3), **keep)
    excused = ship(project, repository, [Stage.UNIT])
    assert excused.state == State.PASSED
    assert "quarantined" in RunStep.objects.get(run=excused, name="unit").reason
    flaky.release(project, "t::dice", "test")
    assert ship(project, repository, [Stage.UNIT], fresh=True).state == State.FAILED


def test_servers_are_there_for_the_step_and_gone_after(project: Project, repository: Path, commit: Commit) -> None:
    text = """
[pipeline.integration]
run = "python3 connect.py"
services = ["postgres", "redis"]
environment = { DB = "$POSTGRES_URL" }
"""
    connect = """
import os, socket, urllib.parse
for name in ("DB", "REDIS_URL"):
    at = urllib.parse.urlsplit(os.environ[name])
    socket.create_connection((at.hostname, at.port))
    print(os.environ[name])
"""
    commit(text, {"connect.py": connect})
    run = ship(project, repository, [Stage.INTEGRATION])
    why = RunStep.objects.get(run=run, name="integration").reason
    assert run.state == State.PASSED, f"{run.reason}: {why} {said(run, 'integration')}"
    assert "@127.0.0.1:" in said(run, "integration")
    assert not [line for line in os.popen("ps -eo args") if os.environ["GOLIVE_WORK"] in line]  # noqa: S605


@pytest.mark.skipif(isolate.best() is isolate.Level.SESSION, reason="nothing here keeps strangers apart")
def test_a_strangers_step_finds_no_secret(project: Project, repository: Path, commit: Commit) -> None:
    """Environment, /proc, golive's data: whatever a fork's pull request tries."""
    secrets.put("API_KEY", "hunter2hunter2")
    data = os.environ["GOLIVE_DATA"]
    Path(data, "planted").write_text("hunter2hunter2")
    os.environ["PLANTED_IN_ENVIRONMENT"] = "hunter2hunter2"
    tries = [
        "env",
        "cat /proc/[0-9]*/environ | tr '\\\\0' '\\\\n' || true",
        f"ls {data} || true",
        f"cat {data}/planted {data}/keys/* || true",
        "find /tmp /root /home /var /work -name planted 2>/dev/null | xargs -r cat || true",
        f"echo x > {data}/written || true",
        "ln -s / out; mkdir -p dist; ln -s " + data + "/planted dist/out",
    ]
    listed = ", ".join(f'"{line}"' for line in tries)
    text = f"""
[pipeline.unit]
run = [{listed}]
outputs = ["dist/**"]
artifacts = ["dist/**", "out/**"]
[pipeline.e2e]
run = "env"
secrets = ["API_KEY"]
"""
    commit(text)
    run = ship(project, repository, [Stage.UNIT, Stage.E2E], fork=True)
    everything = said(run, "unit") + said(run, "e2e")
    assert "REPORTS" in everything, "it did look"
    assert "hunter2" not in everything
    assert not Path(data, "written").exists()
    assert states(run)["e2e"] == State.BLOCKED
    place = logs.folder("shop", run.number) / "artifacts"
    assert not [path for path in place.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


def test_a_bad_pipeline_is_said_in_the_run(project: Project, repository: Path, commit: Commit) -> None:
    commit("[pipeline.lint]\ncolour = 'red'")
    run = ship(project, repository)
    assert run.state == State.FAILED
    assert "colour" in run.reason


def test_the_definition_is_looked_for_upwards(repository: Path, commit: Commit) -> None:
    commit(PIPELINE)
    (repository / "deep").mkdir()
    assert definition.folder_of(repository / "deep") == repository.resolve()
