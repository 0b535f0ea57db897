"""Tables as nobody should make them: conversions and archives either work or say why not, and break nothing."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from golive.postgres.archive.cold import open_cold
from golive.postgres.archive.move import Mover
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.recall import restore
from golive.postgres.partition.copy import Shadow
from golive.postgres.partition.plan import Every
from golive.postgres.partition.shape import CannotPartition, look, split
from golive.postgres.partition.wrap import undo, wrap
from golive.postgres.session import Connection, session
from golive.postgres.trouble import DatabaseAway, DatabaseRefuses, DatabaseTrouble
from golive.postgres.wide import portion
from golive.sandbox.servers import PostgresServer
from tests.postgres.conftest import Place

NOW = datetime.now(UTC)
SCHEMA, TABLE = 'we"ird; --', "tä.ble 🐘 ON {} %s USING 'y'; DROP"
BY, KEY = 'a"t ON %(x)s {0}', "i d %s {} 🐘 100%"
NAME = '"we""ird; --"."tä.ble 🐘 ON {} %s USING \'y\'; DROP"'
TYPES = (
    "n numeric, f float8, ts timestamptz, d date, iv interval, ip inet, b bit(3), by bytea, j jsonb, x xml, m money,"
    " a text[], r int4range, u uuid, tv tsvector, p point, c char(3), lng numeric(40,20), e kind, dom positive,"
    " comp pair, pairs pair[], ci citext, hs hstore, raws raw, nest int[][], ts2 timestamp[],"
    " twice int GENERATED ALWAYS AS (small * 2) STORED, small int2"
)
VALUES = (
    "'NaN', '-Infinity', '2020-02-29 23:59:59.999999+02', '0044-03-15', '1 mon -3 days', '::1/64', '101', '\\x00ff',"
    " '{\"a\": [1, null]}', '<a>&amp;</a>', '-1.23', '{\"a,b\",NULL,\"\\\"\"}', '[1,5)',"
    " '00000000-0000-0000-0000-000000000001', 'a:1 b', '(1,2)', 'ab', 0.00000000000000000001, 'x''y', 7, '(1,\"z,\")',"
    " ARRAY[ROW(1, 'a\"')::pair, NULL], 'CaSe', '\"k=>\"=>NULL,b=>\"%s\"', '\\xdeadbeef',"
    " '{{1,2},{3,NULL}}', '{infinity,NULL}'"
)


@pytest.fixture
def connection(place: Place) -> Iterator[Connection]:
    with session(place.url, read_only=False, statement_timeout=timedelta()) as connection:
        whole = sql.Identifier(SCHEMA, TABLE)
        key, by = sql.Identifier(KEY), sql.Identifier(BY)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
        connection.execute("CREATE TYPE kind AS ENUM ('x''y', 'ON')")
        connection.execute("CREATE DOMAIN positive AS int CHECK (value > 0)")
        connection.execute("CREATE TYPE pair AS (one int, two text)")
        connection.execute("CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE DOMAIN raw AS bytea")
        make = "CREATE TABLE {} ({} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {} timestamptz NOT NULL, " + TYPES
        connection.execute(sql.SQL(make + ")").format(whole, key, by))
        index = sql.SQL("CREATE INDEX {} ON {} ((lower(c)), {}) WHERE small > 3")
        connection.execute(index.format(sql.Identifier("i ON u USING z"), whole, key))
        view = "CREATE VIEW {} WITH (security_barrier) AS SELECT {} FROM {}"
        connection.execute(sql.SQL(view).format(sql.Identifier(SCHEMA, "vi ew"), key, whole))
        columns = ", ".join(part.split()[0] for part in TYPES.split(", ") if "GENERATED" not in part)
        fill = f"{columns}) SELECT now() - n * interval '9 days', {VALUES}, n FROM generate_series(1, 60) n"
        connection.execute(sql.SQL("INSERT INTO {} ({}, ").format(whole, by) + sql.SQL(fill))
        connection.execute(sql.SQL("INSERT INTO {} ({}) VALUES (now() - interval '400 days')").format(whole, by))
        yield connection


def state(connection: Connection, name: str = TABLE) -> object:
    query = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {} t"
    return connection.execute(sql.SQL(query).format(sql.Identifier(SCHEMA, name))).fetchone()


def test_odd_names_and_types_are_converted_both_ways(connection: Connection) -> None:
    before = state(connection)
    wrap(connection, NAME, BY, Every.MONTH, 2, NOW, lambda _: None)
    assert (state(connection), look(connection, NAME).kind) == (before, "p")
    undo(connection, NAME, lambda _: None)
    assert state(connection) == before
    Shadow(connection, NAME, BY, lambda _: None, rest=0).convert(Every.YEAR, 2, NOW)
    shape = look(connection, NAME)
    assert (state(connection), shape.kind) == (before, "p")
    assert [(view["name"], view["options"]) for view in shape.views] == [("vi ew", "security_barrier=true")]
    assert len(shape.indexes) == 1


def test_odd_names_and_types_are_archived_and_restored(connection: Connection, tmp_path: Path) -> None:
    before = state(connection)
    plan = ArchivePlan(table=NAME, by=BY, older=timedelta(days=100), to=str(tmp_path), batch=20, rest=0)
    cold = open_cold(plan, "odd")
    moved = Mover(connection, "odd", plan, cold, lambda _: None).run(NOW)
    assert moved.rows == 50
    restored, _ = restore(connection, plan, cold, NOW - timedelta(days=9999), NOW, "back")
    assert restored == 50
    union = "CREATE VIEW {} AS SELECT * FROM {} UNION ALL SELECT * FROM {}"
    names = [sql.Identifier(SCHEMA, name) for name in ("both", TABLE, "back")]
    connection.execute(sql.SQL(union).format(*names))
    assert state(connection, "both") == before


def test_a_wide_row_is_archived_alone(connection: Connection, tmp_path: Path) -> None:
    """A gigabyte is PostgreSQL's limit and needs several in memory: 21 MB take the same way, 105 were tried by hand."""
    connection.execute("CREATE TABLE wide (id int PRIMARY KEY, at timestamptz NOT NULL, body text)")
    connection.execute("INSERT INTO wide VALUES (1, now() - interval '500 days', repeat('golive ', 3000000))")
    plan = ArchivePlan(table="wide", by="at", older=timedelta(days=100), to=str(tmp_path), rest=0)
    cold = open_cold(plan, "wide")
    assert Mover(connection, "wide", plan, cold, lambda _: None).run(NOW).rows == 1
    assert restore(connection, plan, cold, NOW - timedelta(days=9999), NOW, "wide_back") == (1, 1)
    assert connection.execute("SELECT length(body) AS n FROM wide_back").fetchone() == {"n": 21_000_000}


@pytest.mark.parametrize(
    ("wanted", "size", "rows", "found"),
    [
        (10_000, 1e9, 1e7, 10_000),
        (10_000, 1e9, 1e3, 67),
        (10_000, 2e9, 2, 1),
        (5, 1e3, 100, 5),
        (10_000, 0, 0, 10_000),
    ],
)
def test_wide_rows_go_in_smaller_portions(wanted: int, size: float, rows: float, found: int) -> None:
    assert portion(wanted, size, rows) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("events", ("public", "events")),
        ("app.events", ("app", "events")),
        ('"a.b"."c""d"', ("a.b", 'c"d')),
        ('app."x; DROP"', ("app", "x; DROP")),
        ("tä ble", ("public", "tä ble")),
        ('"half', None),
        ("a.b.c", None),
        ("", None),
    ],
)
def test_how_a_table_is_named(text: str, found: tuple[str, str] | None) -> None:
    if found is None:
        with pytest.raises(CannotPartition, match="no table's name"):
            split(text)
    else:
        assert split(text) == found


def test_a_role_without_rights_is_told_so_and_nothing_is_left(place: Place, connection: Connection) -> None:
    place.run("CREATE TABLE events (id int PRIMARY KEY, at timestamptz NOT NULL)")
    role = f"weak_{place.name}"
    place.run(f"CREATE ROLE {role} LOGIN PASSWORD 'weak'")
    place.run(f"GRANT SELECT ON events TO {role}")
    weak = make_conninfo(place.url, user=role, password="weak")
    try:
        with (
            pytest.raises(DatabaseRefuses, match="too little"),
            session(weak, read_only=False, statement_timeout=timedelta()) as session_,
        ):
            Shadow(session_, "events", "at", lambda _: None).convert(Every.MONTH, 2, NOW)
        assert place.run("SELECT count(*) FROM pg_class WHERE relname LIKE 'events_golive%'") == [(0,)]
    finally:
        place.run(f"DROP OWNED BY {role}")
        place.run(f"DROP ROLE {role}")


def test_an_owner_who_is_no_superuser_converts(place: Place, connection: Connection) -> None:
    """Without the right to skip foreign keys the copy asks them; all else is the owner's to do."""
    role = f"owner_{place.name}"
    place.run(f"CREATE ROLE {role} LOGIN PASSWORD 'word'")
    place.run("CREATE TABLE people (id int PRIMARY KEY)")
    place.run("CREATE TABLE events (id int PRIMARY KEY, at timestamptz NOT NULL, who int REFERENCES people)")
    place.run("INSERT INTO people VALUES (1)")
    place.run("INSERT INTO events SELECT n, now() - n * interval '1 day', 1 FROM generate_series(1, 90) n")
    for statement in ("ALTER TABLE events OWNER TO", "ALTER TABLE people OWNER TO", "GRANT CREATE ON SCHEMA public TO"):
        place.run(f"{statement} {role}")
    owner = make_conninfo(place.url, user=role, password="word")
    try:
        with session(owner, read_only=False, statement_timeout=timedelta()) as session_:
            Shadow(session_, "events", "at", lambda _: None, rest=0).convert(Every.MONTH, 2, NOW)
        assert place.run("SELECT count(*) FROM events") == [(90,)]
        assert look(connection, "events").owner == role
    finally:
        place.run(f"DROP OWNED BY {role}")
        place.run(f"DROP ROLE {role}")


@pytest.mark.story
def test_the_server_restarts_in_the_middle() -> None:
    """Each conversion ends with a sentence, and goes on when the server is back."""
    with PostgresServer(durable=True) as server:
        url = server.create_database("acme")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL)")
            connection.execute("INSERT INTO events SELECT n, now() FROM generate_series(1, 60000) n")
        began = threading.Event()

        def restart() -> None:
            began.wait(60)
            server.kill()
            time.sleep(0.5)
            server.start()

        thread = threading.Thread(target=restart)
        thread.start()

        def tell(phase: str) -> None:
            if phase == "indexes":
                began.set()
                thread.join()

        with pytest.raises(DatabaseTrouble) as caught, session(url, read_only=False) as connection_:
            Shadow(connection_, "events", "at", tell, rest=0).convert(Every.MONTH, 2, NOW)
        assert isinstance(caught.value, DatabaseAway), caught.value
        with session(url, read_only=False, statement_timeout=timedelta()) as connection_:
            Shadow(connection_, "events", "at", lambda _: None, rest=0).convert(Every.MONTH, 2, NOW)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*), count(DISTINCT id) FROM events").fetchone() == (60000, 60000)
