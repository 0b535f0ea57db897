"""Splitting scripts, applying the schema in order, and a migration killed at every statement."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive.telemetry import store
from golive.telemetry.address import StoreError, connection, endpoint
from golive.telemetry.migrate import migrate
from golive.telemetry.statements import insert_of, split
from golive.telemetry.versions import Step, apply, steps

from .stores import running_store


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        (" ;; -- nothing\n", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' ; SELECT \"a;b\", `c;d`", ["SELECT ';'", 'SELECT "a;b", `c;d`']),
        ("-- a; comment\nSELECT 1 /* ; */; # x;\n", ["-- a; comment\nSELECT 1 /* ; */"]),
        ("SELECT 'it''s; \\'; ' ; SELECT $x$;$x$", ["SELECT 'it''s; \\'; '", "SELECT $x$;$x$"]),
    ],
)
def test_split(script: str, statements: list[str]) -> None:
    assert split(script) == statements


@given(st.text(alphabet="';\"`\\-/*# $abc\n"))
def test_split_takes_any_text(script: str) -> None:
    assert all(statement.strip() for statement in split(script))


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("INSERT INTO t FORMAT CSV\n1", ("INSERT INTO t", "CSV")),
        (
            "insert into t (a, format) settings x = 1 format JSONEachRow {}",
            ("insert into t (a, format) settings x = 1", "JSONEachRow"),
        ),
        ("INSERT INTO t (values) VALUES (1)", ("INSERT INTO t (values)", "Values")),
        ("INSERT INTO values VALUES (1)", ("INSERT INTO values", "Values")),
        ("-- why\n/* x */ INSERT INTO t FORMAT Native", ("-- why\n/* x */ INSERT INTO t", "Native")),
    ],
)
def test_an_insert_with_data(sql: str, found: tuple[str, str]) -> None:
    insert = insert_of(sql)
    assert insert is not None
    assert (insert.sql, insert.format) == found


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FORMAT CSV",
        "INSERT INTO t SELECT 1 FORMAT CSV",
        "INSERT INTO t WITH 1 AS x SELECT x",
        "",
        "INSERT INTO t",
    ],
)
def test_not_an_insert_with_data(sql: str) -> None:
    assert insert_of(sql) is None


class Killed(Exception):
    """The migration was killed."""


def test_a_migration_killed_anywhere_ends_well() -> None:
    todo = [Step("0001", ("CREATE a", "CREATE b"), "x"), Step("0002", ("CREATE c",), "y")]
    for last in range(10):
        done: list[str] = []

        def execute(sql: str, done: list[str] = done, last: int = last) -> None:
            if len(done) >= last:
                raise Killed
            done.append(sql)

        def versions(sql: str, done: list[str] = done) -> list[str]:
            return [sql.split("'")[1] for sql in done if sql.startswith("INSERT")]

        try:
            apply(execute, versions, todo)
        except Killed:
            before = versions("")
            assert apply(done.append, versions, todo) == [s.version for s in todo if s.version not in before]
        assert versions("") == ["0001", "0002"]
        assert [sql for sql in dict.fromkeys(done) if sql.startswith("CREATE ") and len(sql) == 8] == [
            "CREATE a",
            "CREATE b",
            "CREATE c",
        ]
        assert apply(done.append, versions, todo) == []


def test_every_statement_of_the_schema_can_be_repeated() -> None:
    for step in steps():
        for statement in step.statements:
            again = ("IF NOT EXISTS", "IF EXISTS", "MODIFY SETTING")
            assert any(words in statement for words in again), statement[:100]


def test_every_table_writes_through_to_the_disk(tmp_path: Path) -> None:
    with running_store(tmp_path / "data"):
        kept = store.rows(
            "SELECT name, create_table_query AS sql FROM system.tables "
            "WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'schema_versions'"
        )
    assert len(kept) >= 10
    assert [row["name"] for row in kept if "fsync_after_insert = 1" not in row["sql"]] == []


def test_any_url_is_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_store(tmp_path / "data"):
        place = endpoint()
        host = urlsplit(place.url).netloc
        monkeypatch.setenv("GOLIVE_CLICKHOUSE_URL", f"http://writer:{place.writer[1]}@{host}")
        monkeypatch.setenv("GOLIVE_CLICKHOUSE_READER_URL", f"http://reader:{place.reader[1]}@{host}")
        assert migrate() == []
        store.command("TRUNCATE TABLE schema_versions")
        assert migrate() == [step.version for step in steps()]
        assert store.rows("SELECT count() AS n FROM logs") == [{"n": 0}]
        with pytest.raises(StoreError, match="readonly"):
            store.rows("TRUNCATE TABLE logs")
    monkeypatch.setenv("GOLIVE_CLICKHOUSE_URL", f"http://writer:x@{host}")
    with pytest.raises(StoreError, match="golive doctor"):
        store.rows("SELECT 1")


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_CLICKHOUSE_URL", "https://us%40er:p%3Aw@clickhouse.example")
    place = endpoint()
    assert place.writer == place.reader == ("us@er", "p:w")
    assert place.place == "clickhouse.example:8443"
    assert connection("http://h") == {"interface": "http", "host": "h", "port": 8123}
