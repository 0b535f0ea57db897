"""Judgements without a server: (numbers) → what is said, and as often what is not."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from golive.alerts.models import Severity, State
from golive.people.models import Project
from golive.postgres.advice.tasks import due
from golive.postgres.conditions import Judged, move
from golive.postgres.grow.model import Measured, Resource, first, sentence, steps
from golive.postgres.look.collector import Given
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.forecast import forecast
from golive.postgres.look.plan import ReviewPlan
from golive.postgres.look.trend import Spent, arrived, since, slower
from golive.postgres.look.week import next_review, week_due
from golive.postgres.look.whose import asked_by_people
from golive.postgres.replicas.movable import may_move, movable, speedup
from golive.postgres.section import DatabaseSection, differences

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
GB = 1024**3
CALM: dict[str, dict[str, Any]] = {
    "connections": {"application": "web", "state": "active", "connections": 5, "used": 5, "most": 100, "reserved": 3},
    "wraparound": {"kind": "database", "name": "d", "age": 10**8, "multixact_age": 0, "freeze_at": 2 * 10**8},
    "replication": {
        "kind": "slot", "name": "s", "active": True, "wal_status": "reserved", "retained_bytes": 0.0,
        "lag_seconds": None, "behind_bytes": None,
    },
    "sequences": {"schema": "p", "sequence": "s", "column": "", "type": "", "used": 0.1, "cycles": False, "most": 100,
                  "last": 10, "step": 1},
    "transactions": {"kind": "session", "id": "1", "application": "web", "role": "r", "state": "active", "query": "q",
                     "transaction_seconds": 20.0, "idle_seconds": None, "holds_back": 0},
    "vacuum": {"schema": "p", "relation": "t", "live": 10**5, "dead": 100, "dead_share": 0.0, "vacuum_at": 2e4,
               "changed": 10, "analyze_at": 1e4, "analyzed_at": NOW, "switched_off": False, "updates": 0,
               "hot_updates": 0},
    "bloat": {"schema": "p", "relation": "t", "share": 0.1, "wasted": 1e6, "bytes": 1e7, "how": "estimated"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "level", "alarm"),
    [
        ("connections", {}, None, None),
        ("connections", {"used": 77}, None, None),
        ("connections", {"used": 78}, "warning", "warning"),
        ("connections", {"used": 95}, "critical", "critical"),
        ("connections", {"used": 30, "connections": 25, "state": "idle"}, "info", None),
        ("wraparound", {}, None, None),
        ("wraparound", {"age": 250_000_000}, None, None),
        ("wraparound", {"age": 310_000_000}, "warning", "warning"),
        ("wraparound", {"age": 1_200_000_000}, "critical", "critical"),
        ("wraparound", {"multixact_age": 1_200_000_000}, "critical", "critical"),
        ("wraparound", {"kind": "table", "age": 1_200_000_000}, "critical", None),
        ("replication", {}, None, None),
        ("replication", {"active": False}, "info", None),
        ("replication", {"active": False, "retained_bytes": 2.0 * GB}, "warning", "warning"),
        ("replication", {"active": False, "retained_bytes": 11.0 * GB}, "critical", "critical"),
        ("replication", {"active": True, "retained_bytes": 11.0 * GB}, None, None),
        ("replication", {"wal_status": "lost"}, "critical", "critical"),
        ("replication", {"kind": "standby", "lag_seconds": 5.0, "behind_bytes": 0.0}, None, None),
        ("replication", {"kind": "standby", "lag_seconds": 40.0, "behind_bytes": 0.0}, "warning", "warning"),
        ("replication", {"kind": "this replica", "active": False}, "critical", "critical"),
        ("sequences", {}, None, None),
        ("sequences", {"used": 0.75}, "warning", None),
        ("sequences", {"used": 0.95}, "critical", "critical"),
        ("sequences", {"used": 0.95, "cycles": True}, None, None),
        ("transactions", {}, None, None),
        ("transactions", {"transaction_seconds": 1000.0}, "warning", None),
        ("transactions", {"state": "idle in transaction", "idle_seconds": 61.0}, "warning", None),
        ("transactions", {"state": "idle in transaction", "idle_seconds": 20.0}, None, None),
        ("transactions", {"transaction_seconds": 4000.0}, "warning", "warning"),
        ("transactions", {"kind": "prepared"}, "critical", None),
        ("vacuum", {}, None, None),
        ("vacuum", {"dead": 50_000}, "warning", None),
        ("vacuum", {"dead": 9_000, "vacuum_at": 100}, None, None),
        ("vacuum", {"analyzed_at": None}, "warning", None),
        ("vacuum", {"analyzed_at": None, "live": 50}, None, None),
        ("vacuum", {"updates": 200_000, "hot_updates": 1000}, "info", None),
        ("vacuum", {"updates": 200_000, "hot_updates": 150_000}, None, None),
        ("bloat", {}, None, None),
        ("bloat", {"share": 0.6, "wasted": 1.0 * GB}, "warning", None),
        ("bloat", {"share": 0.6}, None, None),
        ("bloat", {"share": None}, None, None),
    ],
)
def test_judgements(name: str, change: dict[str, Any], level: str | None, alarm: str | None) -> None:
    rows, given = [{**CALM[name], **change}], Given(NOW)
    findings = COLLECTORS[name].judge(rows, given)
    assert [finding.level.value for finding in findings] == ([level] if level else [])
    alarms = COLLECTORS[name].alarms
    if alarms is not None:
        assert [one.severity.value for one in alarms(rows, given)] == ([alarm] if alarm else [])
    assert all(finding.reason and finding.subject for finding in findings)


def sizes(days: float, per_day: float, start: float = 50.0) -> list[tuple[datetime, float]]:
    return [(NOW - timedelta(days=days - n), start + per_day * n) for n in range(int(days) + 1)]


@pytest.mark.parametrize(
    ("known", "limit", "days", "words"),
    [
        (sizes(10, 1), 80.0, 20, "in 20 days"),
        (sizes(10, 0), 80.0, None, "does not grow"),
        (sizes(10, -1), 80.0, None, "does not grow"),
        (sizes(2, 1), 80.0, None, "needs 3"),
        ([], 80.0, None, "no size"),
        (sizes(10, 1), None, None, "not known"),
        (sizes(10, 1), 55.0, 0, "reached"),
        (sizes(10, 0.001), 80.0, None, "ten years"),
        ([*sizes(10, 1)[:5], (NOW - timedelta(days=5.5), 5.0), *sizes(10, 1)[5:]], 80.0, 20, "in 20 days"),
    ],
)
def test_forecast(known: list[tuple[datetime, float]], limit: float | None, days: int | None, words: str) -> None:
    found = forecast(known, NOW, limit)
    assert words in found.reason
    assert (found.at is None) == (days is None)
    if found.at is not None and days is not None:
        assert abs((found.at - NOW).total_seconds() - days * 86400) < 86400


def weeks(step: float, calls: float = 100) -> list[tuple[datetime, Spent]]:
    """Two weeks of days; from the deploy on day 9 on each call takes `step` times as long."""
    return [(NOW - timedelta(days=14 - d), Spent(calls, calls * 10 * (step if d >= 9 else 1))) for d in range(14)]


DEPLOYS = [(NOW - timedelta(days=12), "v1"), (NOW - timedelta(days=5), "v2"), (NOW - timedelta(days=1.5), "v3")]


def test_a_slower_statement_is_put_to_its_deploy() -> None:
    found = slower({"q": Spent(700, 7000)}, {"q": Spent(700, 16000)}, {"q": weeks(3)}, DEPLOYS)
    assert [(one.query_id, one.release) for one in found] == [("q", "v2")]
    assert "since v2" in found[0].reason


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (Spent(700, 7000), Spent(700, 7700)),  # a tenth slower
        (Spent(700, 70), Spent(700, 140)),  # twice nothing
        (Spent(5, 50), Spent(700, 70000)),  # too few calls before
        (Spent(700, 7000), Spent(5, 5000)),  # too few now
        (Spent(700, 7000), Spent(700, 3000)),  # faster
    ],
)
def test_what_is_not_slower(before: Spent, now: Spent) -> None:
    assert slower({"q": before}, {"q": now}, {}, DEPLOYS) == []
    assert slower({}, {"q": now}, {}, DEPLOYS) == []


def test_a_statement_that_stands_still_after_a_deploy_is_not_hidden_by_its_week() -> None:
    """170 times slower, so called 40 times less: the mean of the week hardly moves."""
    at = DEPLOYS[-1][0]
    steps = [
        (at - timedelta(days=1), Spent(40_000, 4_000)),
        (at + timedelta(hours=1), Spent(1_000, 17_000)),
    ]
    before, now = {"q": Spent(40_000, 4_000)}, {"q": Spent(41_000, 21_000)}
    assert slower(before, now, {"q": steps}, DEPLOYS) == []
    (found,) = slower(before, now, {"q": steps}, DEPLOYS, at - timedelta(days=2))
    assert found.release == DEPLOYS[-1][1]
    assert f"17.0 ms a call since {DEPLOYS[-1][1]}, 170 times the 0.10 ms before" == found.reason
    mended = [*steps, (at + timedelta(days=1), Spent(400_000, 40_000))]
    assert slower(before, now, {"q": mended}, DEPLOYS, at - timedelta(days=2)) == [], "it is mended by now"


def test_what_is_new_and_costly_is_told() -> None:
    first = DEPLOYS[-1][0] + timedelta(hours=1)
    intervals = {"q": [(first, Spent(100, 900))]}
    old, now = (
        {"p": Spent(100, 1000)},
        {"p": Spent(100, 1000), "q": Spent(100, 900), "r": Spent(9, 5), "s": Spent(99, 5)},
    )
    (found,) = arrived(old, now, intervals, DEPLOYS)
    assert (found.query_id, found.release) == ("q", DEPLOYS[-1][1])
    assert "47% of all time, 100 calls of 9.0 ms" in found.reason
    assert arrived({}, now, intervals, DEPLOYS) == [], "the first week has nothing before it"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("SELECT * FROM orders WHERE id = $1", True),
        ("WITH a AS (SELECT 1) SELECT * FROM a", True),
        ("UPDATE orders SET total = $1", True),
        ("-- a word before\nSELECT 1 FROM orders", True),
        ("-- a word before\nSELECT 1 FROM pg_locks", False),
        ("", True),
        ("SELECT a.attname FROM pg_attribute a", False),
        ("SELECT n FROM x JOIN pg_catalog.pg_class c ON true", False),
        ("CREATE INDEX CONCURRENTLY a ON b (c)", False),
        ("EXPLAIN (FORMAT JSON) SELECT 1", False),
        ("SELECT current_setting($1) AS folder", False),
        ("SELECT place_order($1)", True),
    ],
)
def test_the_review_is_of_what_the_application_asks(text: str, asked: bool) -> None:
    assert asked_by_people(text) is asked


def test_no_deploy_is_blamed_without_a_step() -> None:
    assert since(weeks(1), DEPLOYS) == ""
    assert since(weeks(3), []) == ""


@pytest.mark.parametrize(
    ("day", "last", "now", "due"),
    [
        ("monday", None, datetime(2026, 11, 23, 9, tzinfo=UTC), date(2026, 11, 23)),
        ("monday", None, datetime(2026, 11, 23, 7, tzinfo=UTC), date(2026, 11, 16)),
        ("monday", date(2026, 11, 23), datetime(2026, 11, 25, 9, tzinfo=UTC), None),
        ("monday", date(2026, 11, 16), datetime(2026, 11, 25, 9, tzinfo=UTC), date(2026, 11, 23)),
        ("never", None, datetime(2026, 11, 23, 9, tzinfo=UTC), None),
    ],
)
def test_when_a_review_is_due(day: Any, last: date | None, now: datetime, due: date | None) -> None:
    assert week_due(ReviewPlan(day=day), last, now) == due


@pytest.mark.parametrize(
    ("day", "now", "coming"),
    [
        ("monday", datetime(2026, 11, 23, 7, tzinfo=UTC), date(2026, 11, 23)),
        ("monday", datetime(2026, 11, 23, 9, tzinfo=UTC), date(2026, 11, 30)),
        ("monday", datetime(2026, 11, 29, 9, tzinfo=UTC), date(2026, 11, 30)),
        ("never", datetime(2026, 11, 23, 9, tzinfo=UTC), None),
    ],
)
def test_the_coming_review(day: Any, now: datetime, coming: date | None) -> None:
    assert next_review(ReviewPlan(day=day), now) == coming


@pytest.mark.parametrize(
    ("last_days", "review_days", "asked"),
    [(None, 1, True), (7, 0, True), (1, 1, False), (7, 3, False), (7, None, False)],
)
def test_advice_is_due_before_a_review(last_days: int | None, review_days: int | None, asked: bool) -> None:
    now = datetime(2026, 11, 25, 9, tzinfo=UTC)
    last = now - timedelta(days=last_days) if last_days is not None else None
    review = now.date() + timedelta(days=review_days) if review_days is not None else None
    assert due(last, review, now) is asked


def judged(state: State, after: float = 60) -> Judged:
    return Judged("k", state, Severity.WARNING, "r", "t", after=timedelta(seconds=after))


@pytest.mark.parametrize(
    ("before", "worse", "now", "after"),
    [
        (State.OK, None, judged(State.FIRING), State.OK),
        (State.OK, 59, judged(State.FIRING), State.OK),
        (State.OK, 60, judged(State.FIRING), State.FIRING),
        (State.OK, None, judged(State.FIRING, 0), State.FIRING),
        (State.FIRING, 5, judged(State.FIRING), State.FIRING),
        (State.FIRING, 5, judged(State.OK), State.OK),
        (State.UNKNOWN, None, judged(State.FIRING), State.UNKNOWN),
        (State.OK, 30, judged(State.UNKNOWN), State.UNKNOWN),
    ],
)
def test_trouble_must_last(before: State, worse: int | None, now: Judged, after: State) -> None:
    began = NOW - timedelta(seconds=worse) if worse is not None else None
    assert move(before, began, now, NOW)[0] == after


def test_five_times_needs_four_fifths_and_four_replicas() -> None:
    assert speedup(0.8, 4) == pytest.approx(5)
    assert speedup(0.8, 9) == pytest.approx(5)
    assert speedup(0.5, 4) == pytest.approx(2)
    assert speedup(0.9, 1) == pytest.approx(2)
    assert "5x is reachable" in movable([("SELECT 1", 85.0), ("INSERT INTO t VALUES (1)", 15.0)]).reason
    assert "not relieve" in movable([("SELECT 1", 10.0), ("UPDATE t SET n = 1", 90.0)]).reason
    assert "nothing has been measured" in movable([]).reason
    assert not may_move("SELECT * FROM t FOR UPDATE")


@pytest.mark.parametrize(
    ("measured", "limit", "needed"),
    [
        (Measured(5), None, {"measure first"}),
        (Measured(50, cores=4, running=0.5, connections_share=0.1), None, set()),
        (Measured(50, cores=4, running=3.5, connections_share=0.1), Resource.CPU, {"bigger machine"}),
        (Measured(50, cores=4, running=3.5, top_share=0.6), Resource.QUERY, {"fix the query"}),
        (Measured(50, cores=4, running=3.5, movable_share=0.9), Resource.CPU, {"replica", "bigger machine"}),
        (Measured(50, cores=4, running=0.3, connections_share=0.95), Resource.CONNECTIONS, {"pool"}),
        (Measured(50, cores=4, running=1, waiting_lock=9), Resource.LOCKS, set()),
        (Measured(50, cores=4, running=1, waiting_lock=9, top_share=0.9), Resource.LOCKS, {"fix the query"}),
        (
            Measured(50, cores=4, running=1, waiting_io=9, largest_share=0.8),
            Resource.IO,
            {"bigger machine", "partition"},
        ),
        (Measured(50, cores=4, running=0.1, waiting_io=0.2), None, set()),
        (Measured(50, cores=4, running=3.5, repeated_share=0.7), Resource.CPU, {"bigger machine", "cache"}),
    ],
)
def test_what_runs_out_first(measured: Measured, limit: Resource | None, needed: set[str]) -> None:
    found = first(measured)
    assert (found.resource if found else None) == limit
    assert {step.name for step in steps(measured) if step.needed} == needed
    assert sentence(measured)
    if measured.samples >= 20 and limit is None:
        assert steps(measured)[-1].reason == "you do not need it: nothing is tight"


@pytest.mark.django_db
def test_what_a_section_changes_is_said_in_peoples_words() -> None:
    project = Project.objects.create(slug="acme", name="acme")
    wanted = DatabaseSection.model_validate(
        {"url": "env:DB", "archive": {"orders": {"table": "orders", "by": "at", "older": "300d", "to": "/cold"}}}
    )
    said = {each.subject: each.after or "" for each in differences(project.pk, wanted)}
    assert "older 300d" in said["database.archive"]
