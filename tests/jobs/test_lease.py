"""May a job be claimed now, and why?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from golive.jobs.lease import Move, Standing, decide, retry_after

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUEUED = Standing(running=False, run_after=NOW, lease_until=None, attempts=0, max_attempts=3, cancel_requested=False)
RUNNING = replace(QUEUED, running=True, attempts=1, lease_until=NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("job", "move"),
    [
        (QUEUED, Move.RUN),
        (replace(QUEUED, run_after=NOW + timedelta(seconds=1)), Move.WAIT),
        (replace(QUEUED, attempts=3), Move.GIVE_UP),
        (replace(QUEUED, cancel_requested=True), Move.CANCEL),
        (RUNNING, Move.WAIT),
        (replace(RUNNING, cancel_requested=True), Move.WAIT),
        (replace(RUNNING, lease_until=NOW), Move.RUN),
        (replace(RUNNING, lease_until=NOW, attempts=3), Move.GIVE_UP),
        (replace(RUNNING, lease_until=NOW, cancel_requested=True), Move.CANCEL),
    ],
)
def test_decides_with_a_reason(job: Standing, move: Move) -> None:
    decision = decide(job, NOW)
    assert decision.move is move
    assert decision.reason


def test_waits_longer_after_each_failure() -> None:
    waits = [retry_after(attempts).total_seconds() for attempts in (1, 2, 3, 4, 50)]
    assert waits == [5, 10, 20, 40, 600]
