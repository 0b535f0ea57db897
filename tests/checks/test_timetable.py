"""Phases spread, restarts re-check within one interval, missed turns do not pile up."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from golive.checks import timetable

MINUTE = timedelta(seconds=60)


def test_a_thousand_checks_never_bunch() -> None:
    seconds = [0] * 60
    for number in range(1, 1001):
        seconds[int(timetable.phase(number, MINUTE).total_seconds())] += 1
    assert max(seconds) <= 19
    assert min(seconds) >= 14


@given(st.integers(1, 10_000), st.integers(1, 3600), st.floats(0, 2e9))
def test_after_a_restart_each_check_runs_within_one_interval(number: int, every: int, wall: float) -> None:
    assert 0 <= timetable.first_due(number, timedelta(seconds=every), wall) <= every


@given(st.floats(0, 1e6), st.integers(1, 600), st.floats(0, 1e5))
def test_the_next_turn_is_ahead_on_the_grid_and_at_most_one_interval_away(due: float, every: int, late: float) -> None:
    following = timetable.next_due(due, timedelta(seconds=every), due + late)
    assert due + late < following + 1e-6
    assert following <= due + late + every + 1e-6
    turns = (following - due) / every
    assert abs(turns - round(turns)) < 1e-6


def test_putting_a_check_again_moves_it() -> None:
    table = timetable.Timetable()
    table.put(1, 10.0)
    table.put(2, 5.0)
    table.put(1, 3.0)
    assert table.next_at() == 3.0
    assert table.take(6.0) == [(1, 3.0), (2, 5.0)]
    assert table.take(100.0) == []
    table.put(3, 1.0)
    table.remove(3)
    assert table.next_at() is None


def test_regions_share_the_interval_evenly() -> None:
    regions = ["us", "built-in", "eu"]
    waits = sorted(timetable.first_due(7, MINUTE, 1_000.0, timetable.shift_of(one, regions)) for one in regions)
    assert [round(after - before, 6) for before, after in pairwise(waits)] == [20.0, 20.0]
    assert timetable.shift_of("elsewhere", regions) == 0.0


@given(st.integers(1, 10_000), st.floats(0, 2e9))
def test_the_first_look_after_a_restart_leaves_time_for_the_start(number: int, wall: float) -> None:
    assert timetable.at_start(timetable.first_due(number, MINUTE, wall)) <= 54
