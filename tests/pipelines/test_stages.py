"""Stages 5 to 8 in a run: what golive does itself, and what journeys are told."""

from typing import Any

import pytest

from golive.pipelines.cache import Cache
from golive.pipelines.cellwork import Settings
from golive.pipelines.definition import parsed
from golive.pipelines.isolate import Level
from golive.pipelines.listener import ActionError, Context
from golive.pipelines.outcome import Outcome, State
from golive.pipelines.plan import Plan, PlannedStep, Wish, plan
from golive.pipelines.runner import Identity, Runner
from golive.pipelines.stages import Stage
from golive.pipelines.tree import of_folder
from golive.pipelines.work import Place
from tests.pipelines.conftest import Commit

PIPELINE = """
[pipeline.lint]
run = "true"
[pipeline.e2e]
run = "echo at $BASE_URL with $GOLIVE_PREVIEW_PASS"
[deploy]
processes = {}
"""
WHOLE = [Stage.LINT, Stage.PREVIEW, Stage.E2E, Stage.PRODUCTION, Stage.CHECKS]


class Heard:
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.told: dict[str, dict[str, Any]] = {}

    def planned(self, plan: Plan) -> None: ...

    def began(self, step: PlannedStep, outcome: Outcome) -> None: ...

    def line(self, step: PlannedStep, text: str) -> None:
        self.lines.append(f"{step.name}: {text}")

    def ended(self, step: PlannedStep, outcome: Outcome) -> None:
        self.told[step.name] = dict(outcome.data)

    def finished(self, state: State, reason: str, seconds: float) -> None: ...


@pytest.fixture
def run(repository: Any, commit: Commit, tmp_path: Any) -> Any:
    def go(actions: dict[str, Any]) -> tuple[dict[str, str], Heard]:
        commit(PIPELINE)
        found, tree = of_folder(repository, tmp_path / "loose")
        steps = plan(parsed(PIPELINE.encode()).pipeline, found.files(tree), Wish(WHOLE), tree=tree)
        heard, place = Heard(), Place()
        settings = Settings("shop", found, tree, Cache(tmp_path / "cache"), Level.SESSION, place)
        try:
            runner = Runner(steps, settings, heard, identity=Identity(), actions=actions)
            runner.run()
        finally:
            place.close()
        return {name: str(outcome.state) for name, outcome in runner.standing.items()}, heard

    return go


def preview(context: Context) -> dict[str, Any]:
    context.say("deploying")
    return {"preview_url": "http://pr-7.preview.localhost", "_preview_pass": "let-me-in"}


def test_journeys_learn_where_the_preview_is_and_its_pass_is_not_recorded(run: Any) -> None:
    done: list[str] = []
    actions = {
        Stage.PREVIEW: preview,
        Stage.PRODUCTION: lambda context: done.append(context.data["preview_url"]) or {"release": "shop@1"},
        Stage.CHECKS: lambda context: {},
    }
    states, heard = run(actions)
    assert set(states.values()) == {"passed"}
    assert "e2e: at http://pr-7.preview.localhost with let-me-in" in heard.lines
    assert "preview: deploying" in heard.lines
    assert heard.told["preview"] == {"preview_url": "http://pr-7.preview.localhost"}
    assert done == ["http://pr-7.preview.localhost"]


def test_a_release_that_is_rolled_back_fails_its_checks(run: Any) -> None:
    def refuse(context: Context) -> dict[str, Any]:
        raise ActionError("rolled back: 5 % of requests failed")

    states, _ = run({Stage.PREVIEW: preview, Stage.PRODUCTION: lambda context: {}, Stage.CHECKS: refuse})
    assert (states["production"], states["checks"]) == ("passed", "failed")


def test_a_preview_that_fails_keeps_production_as_it_is(run: Any) -> None:
    def broken(context: Context) -> dict[str, Any]:
        raise ActionError("it does not start")

    deployed: list[int] = []
    states, _ = run({Stage.PREVIEW: broken, Stage.PRODUCTION: lambda context: deployed.append(1) or {}})
    assert (states["preview"], states["e2e"], states["production"]) == ("failed", "blocked", "blocked")
    assert not deployed
