"""When is a process that died started again?"""

import pytest

from golive.up.restart import FIRST_SECONDS, LONGEST_SECONDS, decide


@pytest.mark.parametrize(
    ("failures", "ran_seconds", "delay_seconds", "failures_then"),
    [
        (0, 0.1, 0.5, 1),
        (1, 0.1, 1.0, 2),
        (2, 59.9, 2.0, 3),
        (3, 5.0, 4.0, 4),
        (50, 1.0, LONGEST_SECONDS, 51),
        (10_000, 1.0, LONGEST_SECONDS, 10_001),
        (50, 60.0, FIRST_SECONDS, 1),
        (0, 86_400.0, FIRST_SECONDS, 1),
    ],
)
def test_backs_off_and_forgives(failures: int, ran_seconds: float, delay_seconds: float, failures_then: int) -> None:
    decision = decide(failures, ran_seconds)
    assert (decision.delay_seconds, decision.failures) == (delay_seconds, failures_then)
    assert decision.reason
