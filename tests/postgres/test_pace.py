"""Long work rests by what commits take beside it."""

import time
from collections.abc import Sequence
from datetime import timedelta

import pytest

from golive.postgres.partition import calm, pace
from golive.postgres.partition.calm import Canary, slow_from
from golive.postgres.partition.pace import Pace, factor_after
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble
from tests.postgres.conftest import Place


@pytest.mark.parametrize(
    ("took", "slow"),
    [([], float("inf")), ([0.1] * 60, 3.0), ([0.5] * 94 + [2.0] * 6, 6.0), ([1.5] * 200 + [90.0], 4.5)],
)
def test_what_counts_as_slow(took: Sequence[float], slow: float) -> None:
    assert slow_from(took) == slow


def test_slow_commits_make_rests_longer_and_quick_ones_shorter() -> None:
    assert factor_after(2.0, [9.0], 3.0, 1.0) == 2.4
    assert 1.9 < factor_after(2.0, [0.5] * 20, 3.0, 1.0) < 2.0
    assert factor_after(1.001, [0.5] * 20, 3.0, 1.0) == 1.0
    assert factor_after(11.0, [9.0] * 5, 3.0, 1.0) == pace.MOST_FACTOR
    assert factor_after(2.0, [], 3.0, 1.0) == 2.0
    assert factor_after(20.0, [9.0], 3.0, 20.0) == 20.0  # whoever asks for longer rests gets them


def test_about_eight_in_a_thousand_are_slow_where_it_settles() -> None:
    """A server whose commits are slower the less is rested: it settles where few are slow, from both sides."""
    for factor in (1.0, 12.0):
        slow = 0
        for number in range(60_000):
            late = (number * 7919 % 1000) / 1000 < 0.03 / factor
            slow += late and number > 40_000
            factor = factor_after(factor, [9.0 if late else 0.5], 3.0, 1.0)
        assert 0.005 < slow / 20_000 < 0.0105


def test_a_canary_commits_by_itself(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calm, "EVERY_SECONDS", 0.001)
    before = place.run("SELECT pg_current_wal_insert_lsn()")[0][0]
    with session(place.url, read_only=False) as connection:
        canary = Canary(connection)
        seen: list[float] = []
        ends = time.monotonic() + 20
        while len(seen) < 5 and time.monotonic() < ends:
            time.sleep(0.05)
            seen += canary.taken()
        canary.close()
    assert len(seen) >= 5
    assert min(seen) > 0
    assert place.run("SELECT pg_current_wal_insert_lsn() > %s", before) == [(True,)]


def test_without_a_connection_for_the_canary_work_rests_as_asked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calm, "COMMIT", "SELECT no_such_function()")
    with session(place.url, read_only=False, statement_timeout=timedelta()) as connection:
        found = Pace(connection, 0.5, lambda _: None)
        found.breathe(time.monotonic())
        assert found.factor == pace.FIRST_FACTOR
        found.close()


def test_a_replica_that_stays_behind_ends_the_work(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pace, "lag_seconds", lambda _: 90.0)
    monkeypatch.setattr(pace, "MOST_WAITS", 2)
    with session(place.url, read_only=False) as connection, pytest.raises(DatabaseTrouble, match="stays too far"):
        Pace(connection, 0.0, said.append).breathe(time.monotonic())
    assert said == ["waits for a replica that is 90 s behind"] * 2
