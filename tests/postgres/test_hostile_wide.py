"""Rows larger than a gigabyte, which PostgreSQL holds but cannot hand out: bounded memory, a sentence, no mess."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from golive.postgres.advice.trial import Clone
from golive.postgres.archive.cold import ColdTrouble, open_cold
from golive.postgres.archive.layout import BEGINNING, as_text, field_of, instant
from golive.postgres.archive.move import Mover
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.recall import ask, restore
from golive.postgres.backups import manifest
from golive.postgres.partition.copy import Shadow
from golive.postgres.partition.plan import Every
from golive.postgres.partition.shape import look
from golive.postgres.session import Connection, one, session
from golive.postgres.trouble import DatabaseRefuses
from golive.postgres.wide import at_once, may_be_wide, together
from tests.postgres.conftest import Place

NOW = datetime.now(UTC)
EVER = (BEGINNING, NOW)
SUM = "SELECT count(*) AS n, sum(hashtextextended(t::text, 0)::numeric) AS hash FROM {} t"


def quiet(_: str) -> None:
    """Nobody listens."""


@pytest.fixture
def connection(place: Place) -> Iterator[Connection]:
    with session(place.url, read_only=False, statement_timeout=timedelta()) as connection:
        connection.execute("SET default_toast_compression = lz4")
        yield connection


def plan_of(folder: Path, table: str) -> ArchivePlan:
    return ArchivePlan(table=table, by="at", older=timedelta(days=100), to=str(folder), rest=0)


def test_a_row_of_more_than_a_gigabyte(place: Place, connection: Connection, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE docs (id int PRIMARY KEY, at timestamptz NOT NULL, raw bytea)")
    connection.execute("INSERT INTO docs SELECT n, now() - interval '500 days', 'small' FROM generate_series(1, 5) n")
    big = "convert_to(repeat('golive ', 77000000), 'UTF8')"  # 539 MB, and twice as much as text
    connection.execute(f"INSERT INTO docs VALUES (6, now() - interval '500 days', {big})")
    with pytest.raises(DatabaseRefuses, match="larger as text than the gigabyte"), session(place.url) as short:
        short.execute("SELECT length(t::text) FROM docs t")

    taken = manifest.take(place.url)
    assert taken["tables"]["docs"]["hash"] is not None
    assert Clone(connection).fingerprint("SELECT * FROM docs") == (6, None)
    connection.execute("SET statement_timeout = 0")

    cold = open_cold(plan_of(tmp_path, "docs"), "docs")
    moved = Mover(connection, "docs", plan_of(tmp_path, "docs"), cold, quiet).run(NOW)
    assert moved.rows == 5
    assert "1 rows stay" in moved.notes[0]
    assert "(6)" in moved.notes[0]
    assert ask(connection, plan_of(tmp_path, "docs"), cold, "SELECT count() FROM cold", "CSV").strip() == "5"
    with pytest.raises(ColdTrouble, match="wider than"):
        ask(connection, plan_of(tmp_path, "docs"), cold, "SELECT count() FROM everything", "CSV")

    Shadow(connection, "docs", "at", quiet, rest=0).convert(Every.YEAR, 1, NOW)
    assert look(connection, "docs").kind == "p"
    assert one(connection, "SELECT length(raw) AS n FROM docs") == {"n": 539_000_000}
    assert place.run("SELECT relname FROM pg_class WHERE relname ~ 'golive_(changes|progress)'") == []


def test_values_that_only_postgresql_knows_come_back_to_the_bit(connection: Connection, tmp_path: Path) -> None:
    connection.execute(
        "CREATE TABLE odd (id bytea PRIMARY KEY, at timestamptz NOT NULL, day date, t timestamp, n numeric(9,2),"
        " body text)"
    )
    connection.execute(
        "INSERT INTO odd VALUES ('\\x01', '-infinity', 'infinity', '0044-03-15 BC', 'NaN', NULL),"
        " ('\\xff', '0044-03-15 BC', '12024-01-01', 'infinity', 1.50, repeat('x', 300)),"
        " ('\\x00', now() - interval '400 days', '-infinity', now(), -0.01, ''),"
        " ('\\x02', 'infinity', '-infinity', now(), -0.01, 'hot')"
    )
    before = one(connection, SUM.format("odd"))
    plan = plan_of(tmp_path, "odd")
    cold = open_cold(plan, "odd")
    assert Mover(connection, "odd", plan, cold, quiet).run(NOW).rows == 3
    connection.execute("INSERT INTO odd VALUES ('\\x03', now() - interval '300 days', now(), now(), 7.25, 'plain')")
    assert Mover(connection, "odd", plan, cold, quiet).run(NOW).rows == 1
    seen = ask(connection, plan, cold, "SELECT n, day FROM everything ORDER BY body, n, day", "CSV").splitlines()
    assert len(seen) == 5
    assert '"NaN","infinity"' in seen
    assert restore(connection, plan, cold, *EVER, "back") == (4, 2)
    connection.execute("DELETE FROM back WHERE body = 'plain'")
    connection.execute("CREATE VIEW both_ AS SELECT * FROM odd UNION ALL SELECT * FROM back")
    assert one(connection, SUM.format("both_")) == before


def test_many_rows_that_compress_well_are_held_a_few_at_a_time(connection: Connection, tmp_path: Path) -> None:
    """On disk they are next to nothing, so only their own length tells."""
    connection.execute("CREATE TABLE logs (id int PRIMARY KEY, at timestamptz NOT NULL, body text)")
    connection.execute(
        "INSERT INTO logs SELECT n, now() - interval '500 days', repeat('x', 9000000) FROM generate_series(1, 8) n"
    )
    moved = Mover(connection, "logs", plan_of(tmp_path, "logs"), open_cold(plan_of(tmp_path, "logs"), "l"), quiet).run(
        NOW
    )
    assert (moved.rows, moved.files) == (8, 2)  # 63 MB each at most


def test_a_manifest_leaves_out_what_is_locked(place: Place) -> None:
    place.run("CREATE TABLE free (id int)")
    place.run("CREATE TABLE held (id int)")
    with psycopg.connect(place.url) as other:
        other.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        taken = manifest.take(place.url)
    assert (sorted(taken["tables"]), taken["skipped"]) == (["free"], ["held"])


@pytest.mark.parametrize(
    ("widths", "count"), [([], 0), ([900], 1), ([10, 10, 10], 3), ([60, 50, 10], 1), ([50, 50], 2)]
)
def test_how_many_go_together(widths: list[int], count: int) -> None:
    assert together(widths, 100) == count


@pytest.mark.parametrize(("wanted", "widest", "count"), [(10, 0, 10), (10, 20, 5), (10, 1000, 1), (3, 20, 3)])
def test_how_many_fit_at_once(wanted: int, widest: int, count: int) -> None:
    assert at_once(wanted, widest, 100) == count


@pytest.mark.parametrize(
    ("kind", "wide"),
    [("integer", False), ("numeric(9,2)", False), ("timestamp(3) with time zone", False), ("text", True),
     ("jsonb", True), ("integer[]", True), ("bytea", True), ("app.pair", True), ("character varying(40)", True)],
)  # fmt: skip
def test_what_may_be_wide(kind: str, wide: bool) -> None:
    assert may_be_wide(kind) is wide


def test_times_that_python_cannot_name_are_the_first_of_all() -> None:
    assert instant("-infinity") == instant("0044-03-15 BC") == instant(None) == BEGINNING
    assert instant("2020-02-29 21:59:59.5+00") == datetime(2020, 2, 29, 21, 59, 59, 500_000, tzinfo=UTC)
    assert instant(datetime(2020, 2, 29)) == datetime(2020, 2, 29, tzinfo=UTC)
    assert [each.native for each in as_text([field_of("n", "numeric(9,2)"), field_of("i", "integer")])] == [False, True]
