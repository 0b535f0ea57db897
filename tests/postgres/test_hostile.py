"""What a database can be in the way of: each time a clear sentence, nothing broken."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from golive.postgres.advice import keep
from golive.postgres.advice.advise import advise
from golive.postgres.advice.migration import added, written
from golive.postgres.advice.plan import AdvicePlan, Framework
from golive.postgres.advice.workload import Statement
from golive.postgres.connect.server import carry_out
from golive.postgres.look import plans, run
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.pool.habits import habits
from golive.postgres.replicas.measure import itself, measured
from golive.postgres.session import refuse_old, session
from golive.postgres.trouble import DatabaseAway, DatabaseRefuses, DatabaseTrouble, explain
from golive.sandbox.servers import PostgresServer
from tests.postgres.conftest import SETTINGS, Place

NAMES = ["we\"ird ' %s; -- x", "größe ☃ 表", "SELECT", "a" * 63, "%s {} %(x)s 🐘"]


@pytest.mark.parametrize("name", NAMES)
def test_advice_for_hostile_names_is_proved_and_can_be_applied(place: Place, name: str) -> None:
    quoted = psycopg.sql.Identifier(name).as_string()
    doubled = quoted.replace("%", "%%")
    place.run(f"CREATE SCHEMA {quoted}")
    place.run(f"CREATE TABLE {quoted}.{quoted} (id int PRIMARY KEY, {quoted} int, note text DEFAULT repeat('x', 80))")
    place.run(f"INSERT INTO {doubled}.{doubled} SELECT n, n %% %s FROM generate_series(1, 20000) n", 4000)
    place.run(f"VACUUM (ANALYZE) {quoted}.{quoted}")
    copy = place.server.create_database(f"{place.name}_copy", template=place.name)
    asked = Statement("1", f"SELECT * FROM {quoted}.{quoted} WHERE {quoted} = $1", 10_000.0, 10_000.0)
    with session(place.url) as connection:
        report = advise(connection, [asked], AdvicePlan(), timezone.now(), copy)
    (change,) = report.advised
    assert change.candidate is not None
    migration = written(Framework.SQL, [added(change.candidate)])
    with psycopg.connect(place.url, autocommit=True) as owner:
        for statement in migration.split(";\n"):
            lines = [line for line in statement.splitlines() if not line.startswith("--")]
            if "".join(lines).strip():
                owner.execute("\n".join(lines).encode())
    found = place.run("SELECT indexdef FROM pg_indexes WHERE indexname = %s", change.name)
    assert len(found) == 1
    place.run(f'DROP DATABASE "{place.name}_copy"')


def poor(place: Place) -> str:
    """A login that may connect and nothing else."""
    place.run(f"CREATE ROLE bare_{place.name} LOGIN PASSWORD 'pw'")
    return f"postgresql://bare_{place.name}:pw@127.0.0.1:{place.server.port}/{place.name}"


def point_at(place: Place, url: str) -> None:
    with open(place.database.url.removeprefix("file:"), "w") as out:  # noqa: PTH123
        out.write(url)


def without_statistics(place: Place) -> None:
    place.run("DROP EXTENSION pg_stat_statements")


def asked_by_nobody(place: Place) -> None:
    place.run("CREATE TABLE secret_things (id int, n int)")
    point_at(place, poor(place))


ASKED: dict[str, Callable[[Place], Any]] = {
    "advice": lambda place: keep.look(place.database, timezone.now(), clone=""),
    "what breaks": lambda place: _in(place, habits),
    "what moves": lambda place: _in(place, measured),
}
CASES = [
    ("no pg_stat_statements", without_statistics, "advice", "pg_stat_statements is not in this database"),
    ("no pg_stat_statements", without_statistics, "what breaks", "needs pg_stat_statements"),
    ("no pg_stat_statements", without_statistics, "what moves", "needs pg_stat_statements"),
    ("a role without rights", asked_by_nobody, "advice", "HypoPG"),
    ("a role that sees nobody else", lambda place: point_at(place, poor(place)), "what breaks", "hidden from bare_"),
    ("a role that sees nobody else", lambda place: point_at(place, poor(place)), "what moves", "grant it pg_monitor"),
    ("wrong password", lambda place: point_at(place, place.url.replace("@", "x@")), "advice", "refuses the password"),
    ("no address", lambda place: point_at(place, "postgresql:x//u:sesame@h/x"), "advice", "cannot be read"),
    ("no such database", lambda place: point_at(place, place.url + "_gone"), "advice", "no such role or database"),
    ("nobody listens", lambda place: point_at(place, "postgresql://u:sesame@127.0.0.1:1/x"), "advice", "not answer"),
]


def _in(place: Place, ask: Callable[[Any], Any]) -> Any:
    url = open(place.database.url.removeprefix("file:")).read()  # noqa: PTH123, SIM115
    with session(url) as connection:
        return ask(connection)


@pytest.mark.parametrize(("what", "arrange", "asked", "words"), CASES, ids=[f"{one[0]}: {one[2]}" for one in CASES])
def test_what_is_missing_is_said(
    place: Place, what: str, arrange: Callable[[Place], Any], asked: str, words: str
) -> None:
    arrange(place)
    with pytest.raises(DatabaseTrouble) as caught:
        ASKED[asked](place)
    assert words in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_texts_that_were_cut_are_told_and_their_neighbours_advised(place: Place) -> None:
    place.run("CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text DEFAULT repeat('x', 80))")
    place.run("INSERT INTO orders SELECT n, n %% %s FROM generate_series(1, 20000) n", 4000)
    place.run("VACUUM (ANALYZE) orders")
    whole = Statement("1", "SELECT * FROM orders WHERE customer_id = $1", 10_000.0, 10_000.0)
    cut = Statement("2", "SELECT * FROM orders WHERE customer_id = $1 AND note IN ($2, $3", 10_000.0, 10_000.0)
    with session(place.url, read_only=False) as connection:
        report = advise(connection, [cut, whole], AdvicePlan(), timezone.now())
        assert plans.sample(connection, cut.text)[1].startswith("its text was cut off")
    assert [change.name for change in report.changes] == ["orders_customer_id_ix"]
    assert report.findings[0].silence


def test_a_server_that_restarts_is_said_and_asked_again(place: Place) -> None:
    """The server stops under an open session, is away, starts again: two sentences, then answers."""
    with PostgresServer(settings=SETTINGS) as server:
        url = server.create_database("acme")
        point_at(place, url)
        assert run.look(place.database, timezone.now(), [COLLECTORS["locks"]])[0].trouble == ""
        with pytest.raises(DatabaseAway, match=r"stopped or (restarted|crashed)"), session(url) as open_:
            server.kill()
            open_.execute("SELECT 1")
        with pytest.raises(DatabaseAway, match="does not answer"):
            run.look(place.database, timezone.now(), [COLLECTORS["locks"]])
        assert itself(url)["ok"] is False
        server.start()
        later = timezone.now() + timedelta(minutes=1)
        assert run.look(place.database, later, [COLLECTORS["locks"]])[0].trouble == ""
        assert "no replica" in str(itself(url)["state"])  # it takes writes of its own


def test_a_table_that_is_locked_for_ever_blinds_nobody(place: Place) -> None:
    """The sizes and definitions of a table wait for its lock: they are not asked, and that is said."""
    place.run("CREATE TABLE held (id int PRIMARY KEY, note text)")
    place.run("CREATE TABLE other (id int PRIMARY KEY, held int REFERENCES held)")
    place.run("INSERT INTO held SELECT n, 'x' FROM generate_series(1, 60000) n")
    place.run("VACUUM (ANALYZE) held")
    with psycopg.connect(place.url) as holder:
        holder.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        found = run.look(place.database, timezone.now(), list(COLLECTORS.values()))
    troubles = {snapshot.collector: snapshot.trouble for snapshot in found if "could not be asked" in snapshot.trouble}
    assert troubles == {}
    (indexes,) = (snapshot for snapshot in found if snapshot.collector == "indexes")
    assert [row["index"] for row in indexes.rows if row["kind"] == "index"] == ["other_pkey"]
    assert "a session holds it" in str(indexes.findings)
    (disk,) = (snapshot for snapshot in found if snapshot.collector == "disk")
    assert {row["relation"]: row["bytes"] > 0 for row in disk.rows} == {"held": True, "other": True}


def test_extensions_in_a_schema_of_their_own_are_reached(place: Place) -> None:
    """As some providers keep them: not on the search path, and open to those who are let in only."""
    place.run("DROP EXTENSION pg_stat_statements")
    place.run('CREATE SCHEMA "ext ra"')
    for name in ("pg_stat_statements", "hypopg", "pgstattuple"):
        place.run(f'CREATE EXTENSION {name} SCHEMA "ext ra"')
    place.run("CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text DEFAULT repeat('x', 80))")
    place.run("INSERT INTO orders SELECT n, n %% %s FROM generate_series(1, 20000) n", 4000)
    place.run("VACUUM (ANALYZE) orders")
    point_at(place, carry_out(place.url, f"golive_{place.name}", reads_data=True, heartbeat=True)[1])
    found = run.look(place.database, timezone.now(), [COLLECTORS["statements"], COLLECTORS["bloat"]])
    assert [snapshot.trouble for snapshot in found] == ["", ""]
    assert _in(place, habits)[1] > 0
    asked = Statement("1", "SELECT * FROM orders WHERE customer_id = $1", 10_000.0, 10_000.0)
    report = _in(place, lambda connection: advise(connection, [asked], AdvicePlan(), timezone.now()))
    assert [change.name for change in report.changes] == ["orders_customer_id_ix"]


def test_what_a_role_without_pg_monitor_does_not_see_is_said(place: Place) -> None:
    """And what it may not ask at all leaves the other questions their answers."""
    url = poor(place)
    point_at(place, url)
    found = {one.collector: one for one in run.look(place.database, timezone.now(), list(COLLECTORS.values()))}
    hidden = {name for name, one in found.items() if "hidden from golive's role" in str(one.findings)}
    assert hidden == {"connections", "locks", "waits", "transactions", "statements", "replication"}
    assert "GRANT pg_monitor" in str(found["locks"].findings)
    place.run("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    again = {one.collector: one for one in run.look(place.database, timezone.now(), list(COLLECTORS.values()))}
    assert "no pg_stat_statements that golive's role can use" in again["statements"].trouble
    assert again["connections"].trouble == ""


def test_an_extension_without_its_library_is_no_dead_server() -> None:
    error = psycopg.errors.ObjectNotInPrerequisiteState("x must be loaded via shared_preload_libraries")
    assert isinstance(explain(error, "db:5432/acme"), DatabaseRefuses)
    assert "restart" in str(explain(error, "db:5432/acme"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('no pg_hba.conf entry for host "10.0.0.9", user "u", database "x", no encryption', "sslmode=require"),
        (
            'no pg_hba.conf entry for host "10.0.0.9", user "u", database "x", SSL encryption',
            "pg_hba.conf needs a line",
        ),
        ("server does not support SSL, but SSL was required", "offers no TLS"),
        ('root certificate file "/root/.postgresql/root.crt" does not exist', "name it by sslrootcert"),
        ("SSL error: certificate verify failed", "name it by sslrootcert"),
        ('server certificate for "db" does not match host name "localhost"', "certificate of another name"),
        ('role "u" does not exist', "no such role or database"),
    ],
)
def test_what_is_wrong_at_the_door_is_told_apart(words: str, said: str) -> None:
    error = psycopg.OperationalError(f"connection failed: FATAL:  {words}")
    assert isinstance(explain(error, "db:5432/acme"), DatabaseRefuses)
    assert said in str(explain(error, "db:5432/acme"))


def test_a_tls_server_demanded_where_there_is_none_is_said(place: Place) -> None:
    with pytest.raises(DatabaseRefuses, match="offers no TLS"), session(f"{place.url}?sslmode=require"):
        pass
    with (
        pytest.raises(DatabaseRefuses, match=r"sslrootcert|offers no TLS"),
        session(f"{place.url}?sslmode=verify-full"),
    ):
        pass


def test_a_full_disk_is_no_dead_server() -> None:
    assert "no disk left" in str(explain(psycopg.errors.DiskFull("could not extend file"), "db:5432/acme"))


def test_servers_before_13_are_refused() -> None:
    refuse_old(130000, "db:5432/acme")
    with pytest.raises(DatabaseRefuses, match=r"PostgreSQL 12, which .* 13 and newer"):
        refuse_old(120022, "db:5432/acme")
