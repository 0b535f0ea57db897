"""Tables over the small decisions: healthy, as good as before, try again, who gets which slot."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from golive.releases import health, schema, verdict
from golive.releases.health import Health, Process, Sight
from golive.releases.host.slots import SLOTS, Split, assign
from golive.releases.rehearsal import judge as judge_rehearsal
from golive.releases.verdict import Judgement, Seen, Traffic

GOOD, STRANGE, BAD, NONE = Sight(200, True), Sight(200, False), Sight(503, True), Sight(0, False, "Connection refused")


@pytest.mark.parametrize(
    ("processes", "waited", "expected", "word"),
    [
        ([], 0, Health.BAD, "no process"),
        ([Process("a", [GOOD] * 3)], 1, Health.GOOD, "healthy"),
        ([Process("a", [GOOD] * 2)], 1, Health.WAIT, "2 of 3"),
        ([Process("a", [GOOD, GOOD, BAD])], 1, Health.WAIT, "0 of 3"),
        ([Process("a", [GOOD] * 3), Process("b", [NONE])], 1, Health.WAIT, "b: 0 of 3"),
        ([Process("a", [GOOD] * 3), Process("b", [NONE])], 61, Health.BAD, "b was not healthy in 60 s"),
        ([Process("a", [STRANGE] * 3)], 61, Health.BAD, "another release"),
        ([Process("a", [GOOD] * 3, restarts=3, ended="exit code 1")], 1, Health.BAD, "died 3 times (exit code 1)"),
        ([Process("a", [], ended="killed by SIGKILL")], 61, Health.BAD, "killed by SIGKILL"),
    ],
)
def test_health(processes: list[Process], waited: float, expected: Health, word: str) -> None:
    decision = health.decide(processes, wanted=3, waited=waited, limit=60)
    assert decision.health is expected
    assert word in decision.reason


WELL = Traffic(1000, 1, 80.0, {"GET /": (900, 1), "GET /projects": (100, 0)})


@pytest.mark.parametrize(
    ("seen", "expected", "word"),
    [
        (Seen(True), Judgement.PASS, "only 0 requests"),
        (Seen(True, old=WELL, new=WELL), Judgement.PASS, "1000 requests"),
        (Seen(False, "web answered 503"), Judgement.FAIL, "web answered 503"),
        (Seen(True, restarts=1, ended="exit code 1"), Judgement.FAIL, "1 restarts"),
        (Seen(True, smoke={"pytest": "exited with 1"}), Judgement.FAIL, "smoke test pytest"),
        (Seen(True, smoke_done=False), Judgement.WAIT, "watching"),
        (Seen(True, old=WELL, new=Traffic(100, 5, 80.0)), Judgement.FAIL, "5.0% of 100"),
        (Seen(True, old=Traffic(1000, 40, 80.0), new=Traffic(100, 5, 80.0)), Judgement.PASS, "5.00% failed"),
        (Seen(True, old=WELL, new=Traffic(10, 5, 80.0)), Judgement.PASS, "too few"),
        (
            Seen(True, old=WELL, new=Traffic(2000, 10, 80.0, {"GET /": (1990, 0), "GET /projects": (10, 10)})),
            Judgement.FAIL,
            "GET /projects failed 10 of 10 times, 0 of 100 before",
        ),
        (Seen(True, old=WELL, new=Traffic(100, 0, 240.0)), Judgement.FAIL, "p95 240 ms, 80 ms before"),
        (Seen(True, old=WELL, new=Traffic(100, 0, 160.0)), Judgement.PASS, "healthy"),
        (Seen(True, old=Traffic(100, 0, 2.0), new=Traffic(100, 0, 20.0)), Judgement.PASS, "healthy"),
        (Seen(True, new_errors=["KeyError: 'plan'"]), Judgement.FAIL, "KeyError"),
        (Seen(True, old_connections=4, connections=(5, 12, 18, 25)), Judgement.FAIL, "leaks database connections: 25"),
        (Seen(True, old_connections=4, connections=(25, 25, 25, 25)), Judgement.PASS, "healthy"),
        (Seen(True, old_connections=20, connections=(5, 12, 18, 25)), Judgement.PASS, "healthy"),
    ],
)
def test_verdict(seen: Seen, expected: Judgement, word: str) -> None:
    found = verdict.judge(seen, elapsed=30, watch=30)
    assert found.judgement is expected, found.reason
    assert word in found.reason


def test_nothing_passes_before_the_watch_is_over() -> None:
    assert verdict.judge(Seen(True, old=WELL, new=WELL), 29.9, 30).judgement is Judgement.WAIT


@pytest.mark.parametrize(
    ("output", "tries", "again"),
    [
        ("psycopg.errors.LockNotAvailable: canceling statement due to lock timeout", 1, True),
        ("ERROR: canceling statement due to lock timeout", 5, False),
        ('relation "tasks" does not exist', 1, False),
    ],
)
def test_a_migration_is_tried_again_only_for_a_lock(output: str, tries: int, again: bool) -> None:
    assert schema.decide(output, tries, most=5, chance=0.5).again is again


def test_the_waits_grow_and_are_bounded() -> None:
    waits = [schema.decide("lock timeout", tries, most=50, chance=0.5).after for tries in range(1, 12)]
    assert all(a <= b for a, b in pairwise(waits))
    assert waits[-1] <= timedelta(seconds=15)


def test_a_lock_timeout_is_given_beside_what_was_there() -> None:
    found = schema.patient({"PGOPTIONS": "-c work_mem=8MB"}, timedelta(seconds=1))
    assert found["PGOPTIONS"] == "-c work_mem=8MB -c lock_timeout=1000"


OLD, NEW = (Path("/o/1"), Path("/o/2")), (Path("/n/1"),)


@pytest.mark.parametrize(("percent", "slots"), [(1, 1), (5, 1), (10, 2), (25, 5), (50, 10), (95, 19)])
def test_a_canary_gets_its_share_of_the_slots(percent: int, slots: int) -> None:
    assigned = assign(Split(OLD, NEW, percent))
    assert len(assigned) == SLOTS
    assert assigned.count(NEW[0]) == slots
    assert abs(assigned.count(OLD[0]) - assigned.count(OLD[1])) <= 1


def test_without_a_canary_the_processes_share_evenly() -> None:
    assert assign(Split(OLD)).count(OLD[0]) == SLOTS // 2
    assert set(assign(Split((), NEW))) == set(NEW)
    with pytest.raises(ValueError, match="no process"):
        assign(Split(()))


def test_a_rehearsal_names_locks_on_old_tables_only_and_what_no_rollback_survives() -> None:
    rows = [
        ("CREATE TABLE notes (id bigint PRIMARY KEY)", [("notes", "AccessExclusiveLock")]),
        ("ALTER TABLE tasks DROP COLUMN title", [("tasks", "AccessExclusiveLock"), ("people", "AccessShareLock")]),
    ]
    found = judge_rehearsal(rows, frozenset({"tasks", "people"}))
    assert found.locks == ("tasks: AccessExclusiveLock",)
    assert found.destructive == ["drops a column"]
    assert "ban-drop-column" in found.said


def test_an_additive_migration_is_not_destructive() -> None:
    found = judge_rehearsal([("ALTER TABLE tasks ADD COLUMN note text", [])], frozenset({"tasks"}))
    assert found.destructive == []


def test_slowness_counts_from_half_the_watch_on_and_beyond_the_slack() -> None:
    seen = Seen(True, old=WELL, new=Traffic(100, 0, 240.0))
    assert verdict.judge(seen, 10, 30).judgement is Judgement.WAIT
    assert verdict.judge(seen, 15, 30).judgement is Judgement.FAIL
    assert verdict.judge(seen, 30, 30, slack_ms=200).judgement is Judgement.PASS
