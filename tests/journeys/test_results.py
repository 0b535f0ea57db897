"""What a run is worth: whatever was not fully examined is unknown, and any failure fails it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from golive.journeys.results import Ended, Outcome, Result, Results, judge, read

HERE = Path("/evidence")
TOOK = timedelta(seconds=12)


def one(outcome: Outcome, name: str = "test_a", *proves: str) -> Result:
    return Result(f"checks/test_x.py::{name}", proves or ("auth.login",), outcome, "why", 1.0)


PASSED, FAILED, UNKNOWN = one(Outcome.PASSED), one(Outcome.FAILED), one(Outcome.UNKNOWN)


@pytest.mark.parametrize(
    ("results", "collected", "ended", "outcome", "said"),
    [
        ([PASSED], 1, Ended(0), Outcome.PASSED, "1 journey passed in 12s"),
        ([PASSED, PASSED], 2, Ended(0), Outcome.PASSED, "2 journeys passed"),
        ([PASSED, FAILED], 2, Ended(1), Outcome.FAILED, "test_a: why"),
        ([FAILED, FAILED], 2, Ended(1), Outcome.FAILED, "and 1 more"),
        ([FAILED], None, Ended(None, "not done within 5m"), Outcome.FAILED, "test_a: why"),
        ([PASSED], None, Ended(None, "not done within 5m"), Outcome.UNKNOWN, "not done within 5m"),
        ([PASSED, UNKNOWN], 2, Ended(1), Outcome.UNKNOWN, "test_a: why"),
        ([], 0, Ended(5), Outcome.UNKNOWN, "no journey in these files"),
        ([], 0, Ended(0), Outcome.UNKNOWN, "no journey in these files"),
        ([PASSED], 2, Ended(0), Outcome.UNKNOWN, "only 1 of 2"),
        ([PASSED], 1, Ended(1), Outcome.UNKNOWN, "exit status 1"),
        ([], None, Ended(4, hint="lacks golive-client"), Outcome.UNKNOWN, "lacks golive-client"),
        ([], None, Ended(-9), Outcome.UNKNOWN, "exit status -9"),
    ],
)
def test_a_run_is_judged(
    results: list[Result], collected: int | None, ended: Ended, outcome: Outcome, said: str
) -> None:
    found, reason = judge(results, collected, ended, TOOK)
    assert found is outcome
    assert said in reason


def test_a_line_cut_short_by_a_kill_is_left_out_and_names_stay_inside_the_folder() -> None:
    row = {
        "test": "checks/test_x.py::test_a", "proves": ["a.b"], "trace_id": "ab", "outcome": "skipped", "seconds": 1,
        "reason": "no site", "detail": "", "steps": [{"name": "s", "seconds": 1, "ok": True, "reason": ""}],
        "evidence": [{"kind": "trace", "file": "../../etc/passwd"}],
    }  # fmt: skip
    results, collected = read([json.dumps({"result": row}), '{"result": {"te'], HERE)
    assert collected is None
    assert [(result.outcome, result.reason) for result in results] == [(Outcome.UNKNOWN, "skipped: no site")]
    assert results[0].evidence[0].path == HERE / "passwd"


def test_a_proof_needs_every_journey_for_it() -> None:
    run = Results(
        Outcome.FAILED, "", (one(Outcome.PASSED, "a", "auth.login", "auth.mfa"), one(Outcome.FAILED, "b", "auth.mfa"),
                             one(Outcome.UNKNOWN, "c", "auth.reset")), TOOK, HERE,
    )  # fmt: skip
    assert run.proofs == {"auth.login": Outcome.PASSED, "auth.mfa": Outcome.FAILED, "auth.reset": Outcome.UNKNOWN}
