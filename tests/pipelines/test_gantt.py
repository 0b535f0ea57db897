"""Bars, critical path, blame and the first sentence of a run."""

import pytest

from golive.pipelines import gantt
from golive.pipelines.models import RunStep
from golive.pipelines.outcome import State


def step(name: str, began: float, seconds: float, needs: tuple[str, ...] = (), **more: object) -> RunStep:
    given = {"state": State.PASSED, "budget_seconds": 30.0, "slowest": []} | more
    return RunStep(name=name, stage="unit", began=began, run_seconds=seconds, needs=list(needs), **given)


STEPS = [
    step("setup", 0, 10),
    step("lint", 10, 5, ("setup",)),
    step("unit", 10, 40, ("setup",)),
    step("production", 50, 20, ("lint", "unit")),
]


def test_the_critical_path_is_what_the_end_waited_for() -> None:
    assert gantt.critical_path(STEPS) == ["setup", "unit", "production"]
    assert gantt.critical_path([]) == []


def test_bars_share_a_scale_and_know_their_budgets() -> None:
    bars = {bar.step.name: bar for bar in gantt.bars(STEPS, 70.0)}
    assert (bars["unit"].left, bars["unit"].width) == pytest.approx((100 / 7, 400 / 7))
    assert bars["unit"].over_seconds == 10
    assert bars["lint"].budget_left == pytest.approx(100 * 40 / 70)
    assert not bars["lint"].critical
    assert "left out" not in {bar.step.name for bar in gantt.bars([step("x", 0, 0, state=State.SKIPPED)], 1.0)}


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (step("u", 0, 20), step("u", 0, 19.5), ""),
        (step("u", 0, 28), step("u", 0, 14), "+14.0 s since commit abc"),
        (step("u", 0, 10), step("u", 0, 20), "\N{MINUS SIGN}10.0 s since commit abc"),
        (step("u", 0, 40, slowest=[["t::a", 12.0]]), None, "10.0 s over its budget, slowest test t::a with 12.0 s"),
        (
            step("u", 0, 28, slowest=[["t::a", 9.0], ["t::b", 8.0]]),
            step("u", 0, 14, slowest=[["t::a", 8.9], ["t::b", 1.0]]),
            "+14.0 s since commit abc, most of all test t::b with 8.0 s",
        ),
        (step("u", 0, 0, state=State.CACHED), None, ""),
        (step("u", 0, 1, prepare_seconds=5), None, "golive itself took 5.0 s"),
    ],
)
def test_blame(now: RunStep, before: RunStep | None, said: str) -> None:
    assert gantt.blame(now, before, "abc") == said


def test_the_first_sentence() -> None:
    assert gantt.headline(State.PASSED, "", 61, ["setup", "unit"], 480) == (
        "passed in 1 min 1 s; it waited for setup, then unit."
    )
    assert gantt.headline(State.FAILED, "unit failed", 5, [], 480) == "failed after 5.0 s: unit failed."
