"""What goes first when the store outgrows its budget: a decision, and the same on a real store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive.telemetry import store
from golive.telemetry.retention import Kind, Partition, budget, plan
from golive.telemetry.tasks import keep_within_budget

from .stores import running_store

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def day(table: str, days_ago: int, size: int = 10, *, quiet: bool = False) -> Partition:
    name = f"{NOW - timedelta(days=days_ago):%Y-%m-%d}"
    return Partition(table, name.replace("-", ""), name, size, quiet)


def names(partitions: list[Partition], budget_bytes: int) -> list[str]:
    return [
        f"{drop.partition.table}{' quiet' if drop.partition.quiet else ''} {drop.partition.name[-2:]}"
        for drop in plan(partitions, budget_bytes, NOW).drops
    ]


def test_nothing_goes_while_there_is_room() -> None:
    decided = plan([day("logs", 5), day("spans", 5)], 20, NOW)
    assert (decided.drops, decided.reason) == ((), "within the budget")


def test_the_order() -> None:
    everything = [
        *(day("logs", ago, quiet=True) for ago in (0, 3, 4)),
        *(day("logs", ago) for ago in (0, 3, 4)),
        *(day("spans", ago) for ago in (0, 4)),
        day("metrics", 5),
        day("requests_by_minute", 5),
        day("errors", 9),
        day("events", 0),
        Partition("check_results", "202602", "202602", 10),
        Partition("schema_versions", "all", "tuple()", 10),
    ]
    assert names(everything, 0) == [
        *("logs quiet 06", "logs quiet 07"),
        *("metrics 05", "spans 06"),
        *("logs 06", "logs 07"),
        "requests_by_minute 05",
        *("check_results 02", "errors 01"),
        *("logs quiet 10", "spans 10", "logs 10"),
    ]
    decided = plan(everything, 0, NOW)
    assert decided.short_bytes == 20  # today's events and the versions never go
    assert "still 20 bytes above" in decided.reason


def test_only_as_much_as_needed() -> None:
    assert names([day("logs", ago, quiet=True) for ago in (5, 4, 3)], 15) == ["logs quiet 05", "logs quiet 06"]


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("2026-03-09", datetime(2026, 3, 10, tzinfo=UTC)),
        ("('2026-03-09',0)", datetime(2026, 3, 10, tzinfo=UTC)),
        ("202612", datetime(2027, 1, 1, tzinfo=UTC)),
        ("202601", datetime(2026, 2, 1, tzinfo=UTC)),
        ("tuple()", None),
    ],
)
def test_when_a_partition_ends(name: str, ends: datetime | None) -> None:
    assert Partition("logs", "x", name, 1).ends == ends


def test_the_budget() -> None:
    assert budget(5, 100, 100) == 5
    assert budget(None, 0, 10**12) == 20_000_000_000
    assert budget(None, 6_000_000_000, 4_000_000_000) == 7_000_000_000


@given(
    st.lists(
        st.builds(
            day,
            st.sampled_from(["logs", "spans", "metrics", "errors", "events", "elsewhere"]),
            st.integers(0, 40),
            st.integers(0, 1000),
            quiet=st.booleans(),
        )
    ),
    st.integers(0, 5000),
)
def test_a_plan_is_sound(partitions: list[Partition], budget_bytes: int) -> None:
    decided = plan(partitions, budget_bytes, NOW)
    gone = sum(drop.partition.size_bytes for drop in decided.drops)
    assert decided.short_bytes == max(0, decided.used_bytes - gone - budget_bytes)
    if decided.drops:  # the last one was still needed
        assert decided.used_bytes - gone + decided.drops[-1].partition.size_bytes > budget_bytes
    fresh = [d.partition for d in decided.drops if d.partition.ends and d.partition.ends > NOW - timedelta(days=1)]
    assert not [partition for partition in fresh if partition.kind is Kind.EVIDENCE]
    assert not [drop for drop in decided.drops if drop.partition.table == "elsewhere" and not drop.partition.quiet]


def test_a_real_store_comes_within_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    with running_store(tmp_path / "data"):
        for severity, ago in [(9, 3), (17, 3), (9, 0)]:
            store.command(
                "INSERT INTO logs (project, time, severity_number, body) "
                "SELECT 'p', now64(9) - toIntervalDay({ago:UInt8}), {severity:UInt8}, randomPrintableASCII(200) "
                "FROM numbers(5000)",
                ago=ago,
                severity=severity,
            )
        store.command("INSERT INTO errors (project, time) SELECT 'p', now64(3) - toIntervalDay(3) FROM numbers(5)")
        assert not keep_within_budget(now).drops
        used = keep_within_budget(now).used_bytes
        monkeypatch.setenv("GOLIVE_STORE_BYTES", str(used - 100_000))
        decided = keep_within_budget(now)
        assert [(drop.partition.table, drop.partition.quiet) for drop in decided.drops] == [("logs", True)]
        left = store.rows("SELECT severity_number AS s, count() AS n FROM logs GROUP BY s ORDER BY s")
        assert left == [{"s": 9, "n": 5000}, {"s": 17, "n": 5000}]
        monkeypatch.setenv("GOLIVE_STORE_BYTES", "1000")
        keep_within_budget(now)
        assert store.row("SELECT count() AS n FROM logs") == {"n": 0}
        assert store.row("SELECT count() AS n FROM errors") == {"n": 0}
