"""Tables converted under writes: nothing lost, everything carried, killed and resumed."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from golive.postgres.advice.catalog import Catalog, Column, Table
from golive.postgres.advice.workload import Statement
from golive.postgres.partition import calm, steps
from golive.postgres.partition import wrap as wrapping
from golive.postgres.partition.bounds import Span, missing, name_of, next_start, retired, spans, start_of
from golive.postgres.partition.commands import app
from golive.postgres.partition.copy import DRAIN, Shadow, grow
from golive.postgres.partition.equality import Slices, step_after
from golive.postgres.partition.locks import pause
from golive.postgres.partition.plan import Every, Keys, PartitionPlan
from golive.postgres.partition.policy import keep_policy
from golive.postgres.partition.prune import pruning
from golive.postgres.partition.shape import CannotPartition, look
from golive.postgres.session import Connection, session
from tests.postgres.conftest import Place

NOW = datetime.now(UTC)
ROWS = 12_000


def quiet(_: str) -> None:
    """Nobody listens."""


@pytest.mark.parametrize(
    ("day", "every", "start", "following"),
    [
        (date(2026, 2, 14), Every.DAY, date(2026, 2, 14), date(2026, 2, 15)),
        (date(2026, 1, 1), Every.WEEK, date(2025, 12, 29), date(2026, 1, 5)),
        (date(2026, 12, 31), Every.MONTH, date(2026, 12, 1), date(2027, 1, 1)),
        (date(2024, 2, 29), Every.YEAR, date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_periods(day: date, every: Every, start: date, following: date) -> None:
    assert start_of(day, every) == start
    assert next_start(start, every) == following


def test_partitions_are_made_ahead_and_retired() -> None:
    found = missing("events", date(2026, 3, 1), date(2026, 2, 10), Every.MONTH, 2)
    assert found == [Span("events_p202603", date(2026, 3, 1), date(2026, 4, 1)),
                     Span("events_p202604", date(2026, 4, 1), date(2026, 5, 1))]  # fmt: skip
    assert missing("events", date(2026, 5, 1), date(2026, 2, 10), Every.MONTH, 2) == []
    assert len(spans("e", date(2025, 11, 5), date(2026, 2, 1), Every.MONTH)) == 4
    present = [("old", date(2025, 1, 1)), ("edge", date(2026, 1, 2)), ("new", date(2026, 2, 1))]
    now = datetime(2026, 2, 1, tzinfo=UTC)
    assert retired(present, now, timedelta(days=30)) == ["old", "edge"]
    assert retired(present, now, None) == []
    assert len(name_of("x" * 80, date(2026, 1, 1), Every.DAY).encode()) == 63


@pytest.mark.parametrize(
    ("commits", "lag", "why"),
    [
        ([1.0] * 20, 0.0, ""),
        ([], 0.0, ""),  # no connection was to be had for whoever looks
        ([1.0] * 19 + [40.2], 0.0, "commits take up to 40 ms; before the work, more than 6 ms would have been slow"),
        ([1.0], 12.0, "a replica is 12 s behind"),
        ([1.0], 4.0, ""),
    ],
)
def test_what_a_swap_waits_for(commits: list[float], lag: float, why: str) -> None:
    assert calm.unrest(commits, 6.0, lag) == why


def test_a_swap_waits_for_replicas_but_not_for_ever(
    place: Place, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    lags, told = [30.0, 9.0, 0.0], []
    monkeypatch.setattr(calm, "lag_seconds", lambda _: lags.pop(0))
    with closing(calm.Calm(connection)) as asked:
        assert asked.wait(told.append) == ""
        assert told == ["waits: a replica is 30 s behind", "waits: a replica is 9 s behind"]
        monkeypatch.setattr(calm, "lag_seconds", lambda _: 99.0)
        monkeypatch.setattr(calm, "LONGEST_SECONDS", 0.1)
        assert asked.wait(told.append) == "the swap did not wait any longer: a replica is 99 s behind"


def test_a_swap_waits_while_commits_are_slower_than_before(
    place: Place, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit takes a fifth of a second until it is said what is waited for."""
    monkeypatch.setattr(calm, "CALM_SECONDS", 0.5)
    monkeypatch.setattr(calm, "LOOK_SECONDS", 0.5)
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        monkeypatch.setattr(calm, "COMMIT", commit)

    with closing(calm.Calm(connection)) as asked:
        commit = calm.COMMIT
        monkeypatch.setattr(calm, "COMMIT", f"{calm.NOW}; SELECT pg_sleep(0.2); {calm.NOW}")
        assert asked.wait(tell) == ""
    assert told
    assert "would have been slow" in told[0]


def test_tries_never_keep_step() -> None:
    assert pause(0, 0.0) < pause(0, 1.0) < 0.1
    assert pause(90, 1.0) <= 3.0


def fill(place: Place) -> None:
    """A table with everything that must be carried over."""
    for statement in (
        "CREATE ROLE reader",
        "CREATE TABLE users (id int PRIMARY KEY)",
        "INSERT INTO users SELECT generate_series(0, 9)",
        "CREATE TABLE events (id bigserial PRIMARY KEY, user_id int NOT NULL REFERENCES users, kind text DEFAULT 'x',"
        " at timestamptz NOT NULL DEFAULT now(), amount int CHECK (amount >= 0), touched int DEFAULT 0)",
        "CREATE INDEX events_user ON events (user_id, at)",
        "CREATE INDEX events_lower ON events (lower(kind)) WHERE amount > 3",
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.touched := NEW.touched + 1; RETURN NEW; END $$",
        "CREATE TRIGGER events_touch BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION touch()",
        "CREATE VIEW big AS SELECT * FROM events WHERE amount > 50",
        "CREATE VIEW bigger AS SELECT * FROM big WHERE amount > 90",
        "GRANT SELECT ON events TO reader",
    ):
        try:
            place.run(statement)
        except psycopg.errors.DuplicateObject:
            continue
    place.run(
        "INSERT INTO events (user_id, at, amount) SELECT n %% 10, now() - n * interval '10 minutes', n %% 100"
        " FROM generate_series(1, %s) n",
        ROWS,
    )


@contextmanager
def writer(place: Place) -> Iterator[list[str]]:
    """Inserts, updates and deletes all the time; the list gains every error."""
    errors: list[str] = []
    stop = threading.Event()

    def work() -> None:
        with psycopg.connect(place.url, autocommit=True) as connection:
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    connection.execute(
                        "INSERT INTO events (user_id, amount) VALUES (%s, %s)", [number % 10, number % 100]
                    )
                    connection.execute("INSERT INTO ledger DEFAULT VALUES")
                    connection.execute("UPDATE events SET amount = amount + 1 WHERE id = %s", [number * 7 % ROWS + 1])
                    if number % 5 == 0:
                        connection.execute("DELETE FROM events WHERE id = %s", [ROWS - number])
                except psycopg.Error as error:
                    errors.append(str(error))
                time.sleep(0.002)

    place.run("CREATE TABLE ledger (id serial)")
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield errors
    finally:
        stop.set()
        thread.join()


def admin(place: Place) -> Iterator[Connection]:
    with session(place.url, read_only=False, statement_timeout=timedelta()) as connection:
        yield connection


@pytest.fixture
def connection(place: Place) -> Iterator[Connection]:
    yield from admin(place)


def by_wrap(connection: Connection) -> wrapping.Done:
    return wrapping.wrap(connection, "events", "at", Every.MONTH, 2, NOW, quiet, Keys.WHOLE)


def by_each(connection: Connection) -> wrapping.Done:
    return wrapping.wrap(connection, "events", "at", Every.MONTH, 2, NOW, quiet)


def by_copy(connection: Connection) -> wrapping.Done:
    return Shadow(connection, "events", "at", quiet, rest=0.0).convert(Every.MONTH, 2, NOW)


@pytest.mark.parametrize("convert", [by_wrap, by_each, by_copy])
def test_a_table_is_converted_under_writes(
    place: Place, connection: Connection, convert: Callable[[Connection], wrapping.Done]
) -> None:
    fill(place)
    with writer(place) as errors:
        time.sleep(0.2)
        done = convert(connection)
        time.sleep(0.2)
    assert errors == []
    assert done.locks["swap"].tries >= 1
    shape = look(connection, "events")
    assert shape.kind == "p"
    assert shape.primary == ["id", "at"]
    inserted = place.run("SELECT count(*) FROM ledger")[0][0]
    deleted = place.run("SELECT %s + (SELECT count(*) FROM ledger) - count(*) FROM events", ROWS)[0][0]
    assert inserted // 5 - 1 <= deleted <= inserted // 5 + 1  # every fifth deletes one; none lost, none doubled
    assert place.run("SELECT count(*) - count(DISTINCT id) FROM events") == [(0,)]
    assert place.run("SELECT count(*) > 0 FROM events WHERE touched > 0") == [(True,)]  # the trigger went on
    assert [each["name"] for each in shape.triggers] == ["events_touch"]
    assert {each["kind"] for each in shape.constraints} == {"c", "f"} | ({"p"} if convert is not by_each else set())
    assert len(shape.indexes) == 2
    assert {(each["grantee"], each["privilege"]) for each in shape.grants} == {("reader", "SELECT")}
    place.run("INSERT INTO events (user_id, amount) VALUES (1, 99)")
    assert place.run("SELECT count(*) FROM bigger WHERE id = (SELECT max(id) FROM events)") == [(1,)]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        place.run("INSERT INTO events (user_id, amount) VALUES (77, 1)")
    assert convert(connection).notes == ["it was converted already"]


class Killed(Exception):
    """Stands for kill -9: the connection goes without a word."""


@pytest.mark.parametrize("keys", [Keys.WHOLE, Keys.EACH])
@pytest.mark.parametrize("phase", ["the bound of history", "the partitioned table", "the swap"])
def test_wrapping_is_killed_and_resumed(place: Place, phase: str, keys: Keys) -> None:
    fill(place)

    def tell(now_at: str) -> None:
        if now_at == phase:
            raise Killed

    for tell_it, kills in ((tell, True), (quiet, False)):
        for connection in admin(place):
            if kills:
                with pytest.raises(Killed):
                    wrapping.wrap(connection, "events", "at", Every.MONTH, 2, NOW, tell_it, keys)
            else:
                wrapping.wrap(connection, "events", "at", Every.MONTH, 2, NOW, tell_it, keys)
    assert place.run("SELECT count(*) FROM events") == [(ROWS,)]
    assert place.run("SELECT relkind FROM pg_class WHERE relname = 'events'") == [("p",)]


def test_a_bound_that_is_proved_is_not_proved_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run has read of the table need not be read again, unless the bound is another by now."""
    fill(place)
    real, validated = steps.validate_bound, []
    monkeypatch.setattr(steps, "validate_bound", lambda *given: validated.append(given) or real(*given))

    def tell(now_at: str) -> None:
        if now_at == "the swap":
            raise Killed

    for now in (NOW, NOW, NOW + timedelta(days=40), NOW + timedelta(days=40)):
        for connection in admin(place):
            with pytest.raises(Killed):
                wrapping.wrap(connection, "events", "at", Every.MONTH, 2, now, tell)
    assert len(validated) == 2
    for connection in admin(place):
        by_each(connection)
    assert place.run("SELECT count(*) FROM events") == [(ROWS,)]


def test_keys_of_each_partition_need_no_index(place: Place) -> None:
    """Whatever a killed run has built for keys of the whole is gone, and each partition is unique by the old key."""
    fill(place)
    place.run("ALTER TABLE events ADD UNIQUE (user_id, id)")

    def tell(now_at: str) -> None:
        if now_at == "the bound of history":
            raise Killed

    for connection in admin(place):
        with pytest.raises(Killed):
            wrapping.wrap(connection, "events", "at", Every.MONTH, 2, NOW, tell, Keys.WHOLE)
    assert place.run("SELECT count(*) FROM pg_class WHERE relname LIKE 'events_golive_key%'") == [(2,)]
    for connection in admin(place):
        done = by_each(connection)
        assert "stays unique by id in each partition" in done.notes[0]
        plan = PartitionPlan(table="events", by="at", every=Every.MONTH, ahead=4, keep=None)
        made, _ = keep_policy(connection, plan, NOW)
    assert len(made) == 2
    assert place.run("SELECT count(*) FROM pg_class WHERE relname LIKE '%golive%'") == [(0,)]
    keys = "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('p', 'u')"
    names = [*done.partitions, *made]
    wanted = {(name, said) for name in names for said in ("PRIMARY KEY (id)", "UNIQUE (user_id, id)")}
    assert set(place.run(f"{keys} AND conrelid::regclass::text LIKE 'events%'")) == wanted
    with pytest.raises(psycopg.errors.UniqueViolation):
        place.run("INSERT INTO events (id, user_id, at) SELECT id, 1, at FROM events LIMIT 1")


def test_taking_back_says_which_key_is_there_twice(place: Place, connection: Connection) -> None:
    """Two partitions may hold the same key when each keeps its own."""
    fill(place)
    by_each(connection)
    place.run("INSERT INTO events (id, user_id, amount, at) VALUES (7, 1, 1, now() + interval '40 days')")
    with pytest.raises(CannotPartition, match=r"events_history has too: Key \(id\)=\(7\).*nothing has changed"):
        wrapping.undo(connection, "events", quiet)
    place.run("UPDATE events SET id = 70000 WHERE id = 7 AND at > now()")
    assert wrapping.undo(connection, "events", quiet).rows == 1
    assert look(connection, "events").primary == ["id"]


def test_other_tables_need_a_key_of_the_whole(place: Place, connection: Connection) -> None:
    fill(place)
    place.run("ALTER TABLE events ADD UNIQUE (id, at)")
    place.run("CREATE TABLE notes (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES events (id, at))")
    with pytest.raises(CannotPartition, match="use --keys whole"):
        wrapping.wrap(connection, "events", "at", Every.MONTH, 2, NOW, quiet, Keys.EACH)
    by_each(connection)  # left to itself it takes the keys of the whole
    assert [each["name"] for each in look(connection, "events").unique] == [
        "events_id_at_key_parted",
        "events_pkey_parted",
    ]


@pytest.mark.parametrize("convert", [by_wrap, by_copy])
def test_what_a_key_says_besides_its_columns_is_kept(
    place: Place, connection: Connection, convert: Callable[[Connection], wrapping.Done]
) -> None:
    fill(place)
    nulls = " NULLS NOT DISTINCT" if connection.info.server_version >= 150000 else ""
    late = " DEFERRABLE" if convert is by_wrap else ""
    place.run(f"ALTER TABLE events ADD CONSTRAINT one UNIQUE{nulls} (kind, id) INCLUDE (amount){late}")
    convert(connection)
    said = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'events'::regclass AND contype = 'u'"
    assert place.run(said) == [(f"UNIQUE{nulls} (kind, id, at) INCLUDE (amount){late}",)]


def test_a_copy_beside_a_deferrable_key_is_refused(place: Place, connection: Connection) -> None:
    fill(place)
    place.run("ALTER TABLE events ADD CONSTRAINT late UNIQUE (kind, id) DEFERRABLE INITIALLY DEFERRED")
    with pytest.raises(CannotPartition, match="late is DEFERRABLE"):
        by_copy(connection)


@pytest.mark.parametrize(
    ("hot", "methods", "expected"),
    [(200, [], True), (250, ["btree"], True), (251, ["btree"], False), (1, ["btree", "gin"], False)],
)
def test_indexes_that_stay_in_memory_grow_with_the_copy(hot: int, methods: list[str], expected: bool) -> None:
    assert grow(hot, 1000, methods) is expected


def test_indexes_are_built_part_by_part_where_they_are_large(
    place: Place, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two partitions, the next run builds those that lack theirs."""
    fill(place)
    monkeypatch.setattr(Shadow, "_indexes_first", lambda *_: False)
    real, calls = steps.index_on, 0

    def third(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(steps, "index_on", third)
    with pytest.raises(Killed):
        by_copy(connection)
    by_copy(connection)
    assert len(look(connection, "events").indexes) == 2
    assert [each["name"] for each in look(connection, "events").indexes] == [
        "events_lower_parted",
        "events_user_parted",
    ]
    leaf = look(connection, look(connection, "events").partitions[0]["name"])
    assert len(leaf.indexes) == 2


@pytest.mark.parametrize("phase", ["copy", "indexes", "changes since", "equality", "the swap"])
def test_copying_is_killed_and_resumed(place: Place, phase: str) -> None:
    fill(place)
    before = place.run("SELECT count(*), sum(hashtextextended(e::text, 0)::numeric) FROM events e")

    def tell(now_at: str) -> None:
        if now_at == phase:
            raise Killed

    for connection in admin(place):
        shadow = Shadow(connection, "events", "at", tell, rest=0.0)
        with pytest.raises(Killed):
            shadow.convert(Every.MONTH, 2, NOW)
        if phase == "copy":
            assert shadow._copy_batch()  # and killed once more, between two batches
    for connection in admin(place):
        by_copy(connection)
    assert place.run("SELECT count(*), sum(hashtextextended(e::text, 0)::numeric) FROM events e") == before
    assert place.run("SELECT count(*) FROM pg_class WHERE relname LIKE '%golive_%' AND relkind = 'r'") == [(0,)]


@pytest.mark.parametrize(
    ("step", "seconds", "after"),
    [(16, 0.002, 16), (16, 0.004, 8), (16, 0.1, 8), (16, 0.0, 32), (1, 9.0, 1), (1000, 0.0001, 1024)],
)
def test_slices_take_a_moment_each(step: int, seconds: float, after: int) -> None:
    assert step_after(step, seconds, 1024) == after


def test_slices_are_every_row_once_however_long_each_takes(place: Place, connection: Connection) -> None:
    place.run("CREATE TABLE events AS SELECT n AS id, repeat('x', 50) AS kind FROM generate_series(1, 20000) n")
    place.run("DELETE FROM events WHERE id % 3 = 0 OR id > 19000")
    slices, found, number = Slices(connection, sql.Identifier("events")), [], 0
    while part := slices.next():
        found += place.run(sql.SQL("SELECT t.id FROM events AS t WHERE {}").format(part).as_string())
        slices.took((0.0001, 0.009, 0.002)[number % 3])
        number += 1
    assert number > 3
    assert found == place.run("SELECT id FROM events ORDER BY ctid")


def test_a_copy_of_a_wide_key_with_the_copys_own_words_goes_by_index(place: Place, connection: Connection) -> None:
    place.run(
        'CREATE TABLE latest (batch int, finished text, "100%" int, at timestamptz NOT NULL, PRIMARY KEY '
        '(batch, finished, "100%"))'
    )
    place.run("INSERT INTO latest SELECT n % 7, 'state ' || n % 11, n, now() FROM generate_series(1, 3000) n")
    place.run("ANALYZE latest")
    before = place.run("SELECT count(*), sum(hashtextextended(e::text, 0)::numeric) FROM latest e")
    plans = []

    def tell(now_at: str) -> None:
        if now_at == "copy":
            plans.extend(connection.execute(b"EXPLAIN " + shadow.next_rows).fetchall())
        if now_at == "indexes":
            place.run('UPDATE latest SET "100%" = "100%" + 10000 WHERE batch = 3')
            place.run('UPDATE latest SET "100%" = "100%" - 10000 WHERE batch = 3')

    shadow = Shadow(connection, "latest", "at", tell, rest=0.0)
    shadow.convert(Every.MONTH, 1, NOW)
    assert "Index Cond: (ROW(batch, finished, " in json.dumps(plans)
    assert place.run("SELECT count(*), sum(hashtextextended(e::text, 0)::numeric) FROM latest e") == before


def test_a_copy_that_changes_outrun_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = Shadow.__new__(Shadow)
    shadow.table = "orders"
    applied: list[int] = []
    monkeypatch.setattr(shadow, "_left", lambda: 3 * DRAIN)
    monkeypatch.setattr(shadow, "_drain", lambda limit, rest: applied.append(limit) or limit)  # there is always more
    with pytest.raises(CannotPartition, match="changes faster than the copy can follow"):
        shadow._catch_up()
    assert applied == [DRAIN] * len(applied)


def test_a_truncated_table_is_empty_when_it_is_converted(place: Place) -> None:
    """Emptied after the copy: no row trigger sees that."""
    fill(place)

    def tell(now_at: str) -> None:
        if now_at == "the swap":
            place.run("TRUNCATE events")
            place.run("INSERT INTO events (user_id, amount) VALUES (1, 7)")

    for connection in admin(place):
        Shadow(connection, "events", "at", tell, rest=0.0).convert(Every.MONTH, 2, NOW)
    assert place.run("SELECT amount FROM events") == [(7,)]


def test_a_conversion_is_aborted_without_trace(place: Place, connection: Connection) -> None:
    fill(place)
    objects = "SELECT relname FROM pg_class WHERE relname LIKE 'events%' ORDER BY 1"
    before = place.run(objects)

    def tell(now_at: str) -> None:
        if now_at == "the swap":
            raise Killed

    with pytest.raises(Killed):
        wrapping.wrap(connection, "events", "at", Every.MONTH, 2, NOW, tell)
    assert place.run(objects) != before
    wrapping.abort(connection, "events", quiet)
    with pytest.raises(Killed):
        Shadow(connection, "events", "at", tell, rest=0.0).convert(Every.MONTH, 2, NOW)
    Shadow(connection, "events", "at", quiet).abort()
    assert place.run(objects) == before


def test_a_wrapped_table_is_taken_back_with_the_rows_since(place: Place, connection: Connection) -> None:
    fill(place)
    by_wrap(connection)
    place.run("INSERT INTO events (user_id, amount, at) VALUES (1, 1, now() + interval '40 days')")
    done = wrapping.undo(connection, "events", quiet)
    assert done.rows == 1
    assert place.run("SELECT count(*) FROM events") == [(ROWS + 1,)]
    shape = look(connection, "events")
    assert shape.kind == "r"
    assert [each["name"] for each in shape.triggers] == ["events_touch"]
    place.run("INSERT INTO events (user_id, amount) VALUES (1, 99)")
    assert place.run("SELECT count(*) FROM bigger WHERE id = (SELECT max(id) FROM events)") == [(1,)]


def test_a_lock_that_is_held_is_not_waited_for(place: Place, connection: Connection) -> None:
    """While somebody reads for long, the conversion gives way again and again, and comes through afterwards."""
    fill(place)
    with psycopg.connect(place.url) as reader:
        reader.execute("SELECT count(*) FROM events")
        threading.Timer(0.8, reader.rollback).start()
        done = by_wrap(connection)
    assert max(held.tries for held in done.locks.values()) > 1


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE events ALTER COLUMN at DROP NOT NULL", "may be NULL"),
        ("CREATE TABLE notes (event bigint REFERENCES events)", "foreign keys point at"),
        ("ALTER TABLE events ENABLE ROW LEVEL SECURITY", "row-level security"),
        ("CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM events", "materialized view"),
        ("CREATE UNIQUE INDEX loose ON events (lower(kind), id)", "unique index loose"),
    ],
)
def test_what_cannot_be_carried_is_refused_before_anything_changes(
    place: Place, connection: Connection, statement: str, said: str
) -> None:
    fill(place)
    place.run(statement)
    for convert in (by_wrap, by_copy):
        with pytest.raises(CannotPartition, match=said):
            convert(connection)
    assert place.run("SELECT count(*) FROM pg_class WHERE relname LIKE '%golive%'") == [(0,)]


def test_policy_makes_ahead_and_detaches(place: Place, connection: Connection) -> None:
    fill(place)
    by_copy(connection)
    plan = PartitionPlan(table="events", by="at", every=Every.MONTH, ahead=5, keep=timedelta(days=32))
    made, gone = keep_policy(connection, plan, NOW)
    assert len(made) == 3
    assert gone
    assert keep_policy(connection, plan, NOW) == ([], [])
    assert place.run("SELECT to_regclass(%s) IS NOT NULL", gone[0]) == [(True,)]  # detached, not dropped
    assert place.run("SELECT count(*) < %s FROM events", ROWS) == [(True,)]


@pytest.mark.parametrize(
    ("text", "prunes"),
    [
        ("SELECT * FROM events WHERE at > $1", True),
        ("SELECT * FROM events WHERE at BETWEEN $1 AND $2 AND user_id = $3", True),
        ("INSERT INTO events (user_id) VALUES ($1)", True),
        ("SELECT * FROM events WHERE id = $1", False),
        ("SELECT * FROM events WHERE date(at) = $1", False),
        ("SELECT * FROM events WHERE at > $1 OR user_id = $2", False),
        ("DELETE FROM events WHERE user_id = $1", False),
        ("SELECT * FROM events WHERE (at =", None),
        ("INSERT INTO events (id) VALUES ($1) ON CONFLICT (id) DO NOTHING", False),
        ("INSERT INTO events (id, at) VALUES ($1, $2) ON CONFLICT (id, at) DO NOTHING", True),
        ("INSERT INTO events (id) VALUES ($1) ON CONFLICT DO NOTHING", True),
    ],
)
def test_what_will_prune_is_said_before(text: str, prunes: bool | None) -> None:
    columns = {name: Column(name, "int") for name in ("id", "at", "user_id")}
    catalog = Catalog({("public", "events"): Table("events", columns=columns)})
    found = pruning([Statement("1", text, 1)], catalog, "public", "events", "at")
    assert [one.prunes for one in found] == [prunes]
    assert found[0].reason


@pytest.mark.parametrize("keys", ["whole", "each"])
def test_what_convert_prints_is_a_script_that_converts(place: Place, keys: str) -> None:
    fill(place)
    args = ["partition", "convert", "events", "--by", "at", "--keys", keys, "--project", place.project.slug, "--json"]
    ran = CliRunner().invoke(app, args, catch_exceptions=False)
    said = json.loads(ran.stdout)
    assert said["refused"] is None
    assert place.run("SELECT relkind FROM pg_class WHERE relname = 'events'") == [("r",)]
    for statement in said["script"]:
        place.run(statement)
    assert place.run("SELECT relkind FROM pg_class WHERE relname = 'events'") == [("p",)]
    assert place.run("SELECT count(*) FROM events") == [(ROWS,)]
    place.run("INSERT INTO events (user_id, amount) VALUES (1, 1)")
    assert place.run("SELECT count(*), count(DISTINCT id) FROM events") == [(ROWS + 1, ROWS + 1)]
