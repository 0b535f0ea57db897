"""What makes a pass, a fail and an unknown."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.readiness.inputs import stale
from golive.readiness.runner import exit_code
from golive.readiness.verdict import Control, Doubt, Finding, Report, Verdict, conclude

WRONG, UNSURE = Finding("GET /a", "is open"), Doubt("GET /b", "did not answer")
GOOD = Control("good", False, Report(examined=1, expected=1))
BAD = Control("bad", True, Report(examined=1, expected=1, findings=[WRONG]))


@pytest.mark.parametrize(
    ("report", "controls", "waived", "verdict", "reason"),
    [
        (Report(3, 3), [GOOD, BAD], [], Verdict.PASS, "3 of 3 examined, nothing wrong"),
        (Report(0, 0), [GOOD, BAD], [], Verdict.UNKNOWN, "nothing was examined"),
        (Report(2, 3), [GOOD, BAD], [], Verdict.UNKNOWN, "only 2 of 3 were examined"),
        (Report(3, 3, [WRONG]), [GOOD, BAD], [], Verdict.FAIL, "GET /a: is open"),
        (Report(3, 3, [WRONG]), [GOOD, BAD], ["GET /a"], Verdict.PASS, "3 of 3 examined, nothing wrong, 1 waived"),
        (Report(3, 3, [WRONG]), [GOOD, BAD], ["GET /"], Verdict.FAIL, "GET /a: is open"),
        (Report(3, 3, [], [UNSURE]), [GOOD, BAD], [], Verdict.UNKNOWN, "did not answer"),
        (Report(3, 3, [WRONG], [UNSURE]), [GOOD, BAD], [], Verdict.FAIL, "GET /a: is open"),
        (Report(3, 3), [GOOD], [], Verdict.UNKNOWN, "void: it has no planted bad and good target"),
        (Report(3, 3), [BAD], [], Verdict.UNKNOWN, "void: it has no planted bad and good target"),
        (Report(3, 3), [], [], Verdict.UNKNOWN, "void: it has no planted bad and good target"),
        (
            Report(3, 3, [WRONG]),
            [GOOD, Control("blind", True, Report(1, 1))],
            [],
            Verdict.UNKNOWN,
            "void: the planted bad target (blind) was not convicted",
        ),
        (
            Report(3, 3),
            [BAD, Control("shy", False, Report(1, 1, [WRONG]))],
            [],
            Verdict.UNKNOWN,
            "void: the planted good target (shy) was not acquitted: GET /a: is open",
        ),
        (
            Report(3, 3),
            [BAD, Control("empty", False, Report())],
            [],
            Verdict.UNKNOWN,
            "void: the planted good target (empty) was not acquitted: nothing was examined",
        ),
    ],
)
def test_conclusions(report: Report, controls: list[Control], waived: list[str], verdict: Verdict, reason: str) -> None:
    seen = conclude(report, controls, waived)
    assert (seen.verdict, seen.reason) == (verdict, reason)


def test_a_proof_expires_and_a_change_of_its_inputs_ends_it() -> None:
    made, lasts = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=7)
    rests = {"release": "1", "configuration": "a"}
    assert stale(rests, rests, made, lasts, made + timedelta(days=6)) == ""
    assert stale(rests, rests, made, lasts, made + lasts) == "it has expired"
    assert stale(rests, {**rests, "release": "2"}, made, lasts, made) == "its release has changed since (1 → 2)"
    assert stale(rests, {**rests, "key": "k"}, made, lasts, made) == "its key has changed since (none → k)"


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.PASS], 0),
        ([Verdict.PASS, Verdict.UNKNOWN], 2),
        ([Verdict.UNKNOWN, Verdict.FAIL, Verdict.PASS], 1),
        ([], 2),
    ],
)
def test_exit_codes(verdicts: list[Verdict], code: int) -> None:
    assert exit_code(verdicts) == code
