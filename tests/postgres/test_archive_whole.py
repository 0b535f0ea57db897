"""Partitions archived whole: detached first, so that writers wait for nothing, and there once whatever happens."""

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from golive.postgres.archive import commands
from golive.postgres.archive.cold import Cold, ColdTrouble, open_cold
from golive.postgres.archive.filing import Filing
from golive.postgres.archive.move import Moved, Mover
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.recall import ask, restore
from golive.postgres.archive.whole import Whole
from golive.postgres.session import Connection, session
from tests.postgres.conftest import Place

NOW = datetime(2024, 6, 1, tzinfo=UTC)
HASH = 'SELECT count(*), sum(hashtextextended(ROW(id, at, "who\'s")::text, 0)::numeric) FROM {} t'
EVERYTHING = "SELECT count(), sum(id) FROM everything"
OLD = ["logs_p1", "logs_p2"]
PAST = datetime.now(UTC) - datetime(2020, 4, 1, tzinfo=UTC)  # for commands, which go by the real clock


def fill(place: Place) -> None:
    place.run("CREATE TABLE people (id int PRIMARY KEY)")
    place.run("INSERT INTO people SELECT generate_series(0, 9)")
    place.run(
        'CREATE TABLE logs (id bigint, at timestamptz NOT NULL, "who\'s" int REFERENCES people, PRIMARY KEY (id, at))'
        " PARTITION BY RANGE (at)"
    )
    for name, begin, end in (
        ("logs_p1", "2020-01-01", "2020-02-01"),
        ("logs_p2", "2020-02-01", "2020-03-01"),
        ("logs_p3", "2020-03-01", "2100-01-01"),
    ):
        place.run(f"CREATE TABLE {name} PARTITION OF logs FOR VALUES FROM ('{begin}') TO ('{end}')")
    place.run(
        "INSERT INTO logs SELECT n, '2020-01-01'::timestamptz + n * interval '2 hours', n % 10"
        " FROM generate_series(1, 700) n"
    )
    place.run("INSERT INTO logs VALUES (1000, '2024-05-31', 1)")
    place.run("CREATE TABLE before AS SELECT * FROM logs")


@pytest.fixture
def chosen(place: Place, tmp_path: Path) -> ArchivePlan:
    fill(place)
    return ArchivePlan(table="logs", by="at", to=str(tmp_path), older=timedelta(days=1500), batch=100, rest=0)


@pytest.fixture
def connect(place: Place) -> Iterator[Callable[[], Connection]]:
    """Sessions, each as a command has one."""
    opened = []

    def new() -> Connection:
        context = session(place.url, read_only=False, statement_timeout=timedelta())
        opened.append(context)
        return context.__enter__()

    yield new
    for context in opened:
        context.__exit__(None, None, None)


def run(connection: Connection, plan: ArchivePlan, **more: Any) -> Moved:
    return Mover(connection, "old", plan, open_cold(plan, "old"), lambda _: None).run(NOW, **more)


def total(connection: Connection, plan: ArchivePlan) -> str:
    return ask(connection, plan, open_cold(plan, "old"), EVERYTHING, "CSV").strip()


def whole(place: Place, connection: Connection, plan: ArchivePlan) -> None:
    """Hot rows and those that come back are those of before."""
    restore(connection, plan, open_cold(plan, "old"), datetime(2000, 1, 1, tzinfo=UTC), NOW, "back")
    both = "(SELECT * FROM logs UNION ALL SELECT * FROM back)"
    assert place.run(HASH.format(both)) == place.run(HASH.format("before"))


class Killed(Exception):
    """Stands for kill -9."""


MOMENTS = [(Cold, "write", 2), (Cold, "read", 3), (Filing, "log", 2), (Whole, "_reached", 3), (Whole, "_strike", 1),
           (Cold, "put", 1), (Cold, "put", 5)]  # fmt: skip


@pytest.mark.parametrize(("owner", "moment", "time"), MOMENTS)
def test_killed_anywhere_the_next_run_goes_on(
    place: Place, chosen: ArchivePlan, connect: Callable[[], Connection], owner: type, moment: str, time: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """And at any time hot and cold together are all rows, each once."""
    calls, real = 0, getattr(owner, moment)

    def deadly(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == time:
            raise Killed
        return real(self, *arguments, **named)

    monkeypatch.setattr(owner, moment, deadly)
    first = connect()
    before = total(first, chosen)
    with pytest.raises(Killed):
        run(first, chosen)
    monkeypatch.undo()
    first.close()
    again = connect()
    assert total(again, chosen) == before
    run(again, chosen)
    assert total(again, chosen) == before
    assert place.run("SELECT to_regclass('logs_p1'), to_regclass('logs_p2')") == [(None, None)]
    assert place.run("SELECT count(*) FROM golive_archive_parts") == [(0,)]
    whole(place, again, chosen)


def beside(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], Any]) -> None:
    """Let somebody act whenever a file is read back, with how many were so far."""
    real, calls = Cold.read, itertools.count(1)

    def read(self: Cold, name: str) -> Any:
        act(next(calls))
        return real(self, name)

    monkeypatch.setattr(Cold, "read", read)


def test_writers_wait_for_nothing_while_a_partition_is_copied(
    place: Place, chosen: ArchivePlan, connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even those whose statement does not name the partition column and so locks every partition."""
    writer, wrote = connect(), []
    writer.execute("SET lock_timeout = '2s'")

    def write(_: int) -> None:
        wrote.append(writer.execute('UPDATE logs SET "who\'s" = 2 WHERE id = 1000').rowcount)
        writer.execute("DELETE FROM people WHERE id = 99")

    beside(monkeypatch, write)
    moved = run(connect(), chosen)
    assert moved.partitions == OLD
    assert wrote == [1] * moved.files
    assert len(wrote) == 8


def test_what_is_written_to_a_detached_partition_is_archived_too(
    place: Place, chosen: ArchivePlan, connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are compared with its files before it is dropped; once they differ, it is filed anew."""
    change = 'UPDATE {} SET "who\'s" = 7 WHERE id = 1'
    beside(monkeypatch, lambda count: place.run(change.format("logs_p1")) if count == 3 else None)
    connection = connect()
    moved = run(connection, chosen)
    assert (moved.rows, moved.partitions) == (700, OLD)
    place.run(change.format("before"))
    whole(place, connection, chosen)


def test_who_goes_on_writing_to_it_is_named_as_the_trouble(
    place: Place, chosen: ArchivePlan, connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    change = 'UPDATE logs_p1 SET "who\'s" = ("who\'s" + 1) % 10 WHERE id = 1'
    beside(monkeypatch, lambda count: place.run(change) if count % 4 == 3 else None)
    with pytest.raises(ColdTrouble, match=r"logs_p1 is being written to .*ATTACH PARTITION .*logs_p1"):
        run(connect(), chosen)
    assert place.run("SELECT count(*) FROM logs_p1") == place.run("SELECT count(*) FROM before WHERE at < '2020-02-01'")


def test_a_run_of_few_files_stops_half_way_and_the_next_goes_on(
    place: Place, chosen: ArchivePlan, connect: Callable[[], Connection]
) -> None:
    connection = connect()
    first = run(connection, chosen, batches=2)
    assert (first.files, first.rows, first.partitions) == (2, 0, [])
    assert "half archived" in first.notes[0]
    mover = Mover(connection, "old", chosen, open_cold(chosen, "old"), lambda _: None)
    assert mover.waiting(NOW) == 700
    second = run(connection, chosen)
    assert second.partitions == OLD
    whole(place, connection, chosen)


def test_what_was_attached_or_dropped_by_hand_is_struck_off(
    place: Place, chosen: ArchivePlan, connect: Callable[[], Connection]
) -> None:
    connection = connect()
    run(connection, chosen, batches=1)
    place.run("ALTER TABLE logs ATTACH PARTITION logs_p1 FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')")
    half = run(connection, chosen, batches=2)
    assert "attached again by hand" in half.notes[0]
    place.run("DROP TABLE logs_p1")
    last = run(connection, chosen)
    assert "dropped by hand" in last.notes[0]
    assert last.partitions == ["logs_p2"]
    cold = ask(connection, chosen, open_cold(chosen, "old"), "SELECT count() FROM cold WHERE at < '2020-02-01'", "CSV")
    assert cold.strip() == "200"


def test_two_runs_at_once_lose_nothing(
    place: Place, chosen: ArchivePlan, connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes between: this one stops in a sentence."""
    real, other = Cold.read, connect()

    def read(self: Cold, name: str) -> Any:
        monkeypatch.setattr(Cold, "read", real)
        run(other, chosen, batches=2)
        return real(self, name)

    monkeypatch.setattr(Cold, "read", read)
    with pytest.raises(ColdTrouble, match="Another run of old"):
        run(connect(), chosen)
    connection = connect()
    run(connection, chosen)
    whole(place, connection, chosen)


def test_partitions_by_another_column_do_not_go_whole(
    place: Place, connect: Callable[[], Connection], tmp_path: Path
) -> None:
    """Rows that are younger than their partition stay."""
    place.run(
        "CREATE TABLE jobs (id int, made date NOT NULL, closed date, PRIMARY KEY (id, made)) PARTITION BY RANGE (made)"
    )
    place.run("CREATE TABLE jobs_1 PARTITION OF jobs FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')")
    place.run("INSERT INTO jobs VALUES (1, '2020-05-05', '2020-05-06'), (2, '2020-05-05', '2024-05-30')")
    plan = ArchivePlan(table="jobs", by="closed", to=str(tmp_path), older=timedelta(days=100), rest=0)
    moved = run(connect(), plan)
    assert (moved.rows, moved.partitions) == (1, [])
    assert place.run("SELECT id FROM jobs") == [(2,)]


def test_a_log_of_before_is_gone_on_with_and_cold_files_are_never_written_over(
    place: Place, chosen: ArchivePlan, connect: Callable[[], Connection]
) -> None:
    """A database that was restored to an earlier time counts what its own log says; its numbers begin after all."""
    connection = connect()
    run(connection, chosen, batches=5)
    run(connection, chosen)
    place.run("ALTER TABLE golive_archive DROP COLUMN part")
    place.run("DELETE FROM golive_archive WHERE number > 3")
    place.run("INSERT INTO logs SELECT id + 2000, at + interval '60 days', 1 FROM before WHERE id < 100")
    before = {path: path.read_bytes() for path in Path(chosen.to).rglob("*.*")}
    assert run(connection, chosen).rows == 99
    after = {path: path.read_bytes() for path in Path(chosen.to).rglob("*.*")}
    assert {path: after[path] for path in before} == before
    place.run("DROP TABLE golive_archive")
    files = len(list(open_cold(chosen, "old").manifests()))
    run(connection, chosen)
    assert place.run("SELECT count(*) FROM golive_archive") == [(files,)]


def test_partitions_with_keys_of_their_own_are_archived_as_well(
    place: Place, chosen: ArchivePlan, connect: Callable[[], Connection]
) -> None:
    """Rows are told apart by the key and the partition column, for two partitions may have the same key."""
    place.run("ALTER TABLE logs DROP CONSTRAINT logs_pkey")
    for name in (*OLD, "logs_p3"):
        place.run(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
    place.run("INSERT INTO logs VALUES (1, '2020-03-02', 3), (2, '2020-03-03', 3)")
    place.run("INSERT INTO before VALUES (1, '2020-03-02', 3), (2, '2020-03-03', 3)")
    connection = connect()
    moved = run(connection, chosen)
    assert (moved.rows, moved.partitions) == (702, OLD)  # two of them one by one
    whole(place, connection, chosen)


def test_commands_stop_and_go_on_and_name_what_is_between(
    place: Place, chosen: ArchivePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run tells names the statement that attaches the partition again; a restore names what it lacks."""
    monkeypatch.setattr(commands, "plans_of", lambda _: {"old": chosen.model_copy(update={"older": PAST})})

    told = []

    def typed(*line: str) -> Any:
        ran = CliRunner().invoke(commands.app, ["archive", *line, "--project", place.project.slug, "--json"])
        assert ran.exit_code == 0, ran.output
        told.append(ran.stderr)
        return json.loads(ran.stdout)

    first = typed("run", "old", "--apply", "--batches", "1")
    assert (first["files"], first["partitions"]) == (1, [])
    assert 'ALTER TABLE "public"."logs" ATTACH PARTITION "public"."logs_p1" FOR VALUES FROM' in told[0]
    back = ("restore", "old", "--from", "2000-01-01", "--to", "2030-01-01")
    assert typed(*back) == {"rows": 0, "files": 0, "table": "logs_restored", "detached": ["logs_p1"]}
    assert typed("run", "old")["rows"] == 700
    assert typed("run", "old", "--apply")["partitions"] == OLD
    assert typed(*back)["rows"] == 700
