"""Every collector against a real server in good and in bad health."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from golive.alerts.models import Flip
from golive.postgres.commands import app
from golive.postgres.look import run
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.models import Snapshot
from golive.postgres.trouble import DatabaseAway
from golive.telemetry import facts
from tests.postgres.conftest import Place

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """Rows that would go to the store."""
    rows: dict[str, list[dict[str, Any]]] = {}
    monkeypatch.setattr(facts, "record", lambda table, found: rows.setdefault(table, []).extend(found))
    return rows


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def seen(place: Place, name: str, now: datetime = NOW) -> Snapshot:
    (snapshot,) = run.look(place.database, now, [COLLECTORS[name]])
    return snapshot


def reasons(snapshot: Snapshot) -> str:
    return "\n".join(f"{one['level']} {one['subject']} {one['reason']}" for one in snapshot.findings)


def test_all_questions_can_be_asked_of_an_empty_database(place: Place, recorded: dict[str, Any]) -> None:
    found = run.look(place.database, NOW, COLLECTORS.values())
    assert {one.collector for one in found} == set(COLLECTORS)
    assert [one.trouble for one in found if one.trouble] == []
    assert {row["name"] for row in recorded["metrics"]} >= {"golive.db.connections.share", "golive.db.disk.bytes"}


def test_statements_are_told_apart_between_two_looks(place: Place, recorded: dict[str, Any]) -> None:
    place.run("CREATE TABLE t AS SELECT generate_series(1, 50) AS n")
    seen(place, "statements")
    for _ in range(7):
        place.run("SELECT count(*) FROM t WHERE n > 5")
    seen(place, "statements", NOW + timedelta(minutes=5))
    texts = {one.query_id: one.text for one in place.database.statements.all()}
    rows = [row for row in recorded["statement_intervals"] if "FROM t WHERE n >" in texts.get(row["query_id"], "")]
    assert [row["calls"] for row in rows] == [7]


def test_the_blocking_tree_names_its_root(place: Place, held: ExitStack) -> None:
    place.run("CREATE TABLE orders (id int)")
    holder = held.enter_context(psycopg.connect(place.url, application_name="holder"))
    holder.execute("LOCK orders IN ACCESS EXCLUSIVE MODE")
    waiter = psycopg.connect(place.url, application_name="waiter")
    held.callback(waiter.close)
    waiting = waiter.pgconn
    waiting.send_query(b"SELECT * FROM orders")
    rows: list[dict[str, Any]] = []
    for _ in range(200):
        rows = seen(place, "locks").rows
        if rows:
            break
    assert [(row["application"], row["depth"], row["victims"]) for row in rows] == [("holder", 0, 1), ("waiter", 1, 0)]


def test_what_is_wrong_with_tables_and_indexes_is_said(place: Place) -> None:
    place.run("CREATE TABLE parent (id int PRIMARY KEY)")
    place.run("INSERT INTO parent SELECT generate_series(1, 100)")
    place.run("CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent, a int, b int)")
    place.run("INSERT INTO child SELECT n, 1 + n % 100, n, n FROM generate_series(1, 20000) AS n")
    place.run("CREATE INDEX one ON child (a)")
    place.run("CREATE INDEX two ON child (a, b)")
    place.run("CREATE INDEX three ON child (a) WHERE b > 5")
    with pytest.raises(psycopg.errors.UniqueViolation):
        place.run("CREATE UNIQUE INDEX CONCURRENTLY broken ON child (parent_id)")
    place.run("ALTER TABLE child SET (autovacuum_enabled = off)")
    place.run("ANALYZE")
    said = reasons(seen(place, "indexes"))
    assert "public.one begins like two" in said
    assert "public.three" not in said
    assert "public.broken invalid" in said
    assert "public.child child_parent_id_fkey (parent_id) has no index" in said
    assert "public.child autovacuum is switched off" in reasons(seen(place, "vacuum"))


def test_bloat_is_measured_where_pgstattuple_is_there(place: Place) -> None:
    place.run("CREATE TABLE big (id int, filler text) WITH (autovacuum_enabled = off)")
    place.run("INSERT INTO big SELECT n, repeat('x', 200) FROM generate_series(1, 30000) AS n")
    place.run("DELETE FROM big WHERE id % 10 > 0")
    place.run("ANALYZE big")
    (row,) = seen(place, "bloat").rows
    assert row["how"] == "estimated"
    assert row["share"] > 0.7
    place.run("CREATE EXTENSION pgstattuple")
    (row,) = seen(place, "bloat").rows
    assert row["how"] == "measured"
    assert row["share"] > 0.7


def test_a_sequence_near_its_end_pages_and_recovers(place: Place) -> None:
    place.run("CREATE TABLE t (id serial)")
    place.run("SELECT setval('t_id_seq', 2000000000)")
    assert "93 % used of public.t.id (integer)" in reasons(seen(place, "sequences"))
    place.run("SELECT setval('t_id_seq', 1)")
    seen(place, "sequences", NOW + timedelta(hours=1))
    flips = Flip.objects.filter(project=place.project, source="database:sequences").order_by("id")
    assert [(flip.new, flip.key) for flip in flips] == [("firing", "public.t_id_seq"), ("ok", "public.t_id_seq")]


def test_a_forgotten_slot_is_told_and_open_transactions_too(place: Place, held: ExitStack) -> None:
    place.run("SELECT pg_create_physical_replication_slot('left_behind', true)")
    held.callback(lambda: place.run("SELECT pg_drop_replication_slot('left_behind')"))
    assert "slot left_behind nobody reads it" in reasons(seen(place, "replication"))


def test_a_database_that_is_away_pages_once_it_stays_away(place: Place) -> None:
    place.project.database.url = "file:/nowhere"
    file = place.database.url.removeprefix("file:")
    with open(file, "w") as out:  # noqa: PTH123
        out.write("postgresql://u:p@127.0.0.1:1/x")
    for second in (0, 30, 61, 90):
        with pytest.raises(DatabaseAway):
            run.look(place.database, NOW + timedelta(seconds=second), [])
    (flip,) = Flip.objects.filter(project=place.project, source="database:answers")
    assert (flip.new, flip.severity) == ("firing", "critical")
    assert flip.began_at == NOW


def test_hostile_names_break_nothing(place: Place) -> None:
    name = '"we""ird \' %s; -- x"'
    place.run(f"CREATE SCHEMA {name}")
    place.run(f"CREATE TABLE {name}.{name} (id serial PRIMARY KEY, {name} int)")
    place.run(f"INSERT INTO {name}.{name} ({name}) SELECT generate_series(1, 20000)")
    place.run(f"CREATE INDEX i ON {name}.{name} ({name})")
    place.run(f"CREATE INDEX j ON {name}.{name} ({name})")
    place.run("ANALYZE")
    found = run.look(place.database, NOW, COLLECTORS.values())
    assert [one.trouble for one in found if one.trouble] == []
    (finding,) = [one for snapshot in found for one in snapshot.findings if "does what i does" in one["reason"]]
    place.run(finding["advice"])
    place.run(finding["undo"])


def test_the_command_says_what_is_wrong_and_how_to_undo_it(place: Place) -> None:
    slug = place.project.slug
    assert CliRunner().invoke(app, ["db", "look", "nonsense", "--project", slug]).exit_code == 3
    shown = CliRunner().invoke(app, ["db", "look", "settings", "--project", slug])
    assert shown.exit_code == 1, shown.output
    assert "fsync: is off" in shown.output
    assert "undo: ALTER SYSTEM RESET fsync" in shown.output


def test_a_role_without_rights_is_told_what_it_lacks(place: Place) -> None:
    place.run(f"CREATE ROLE poor_{place.name} LOGIN PASSWORD 'pw'")
    file = place.database.url.removeprefix("file:")
    with open(file, "w") as out:  # noqa: PTH123
        out.write(f"postgresql://poor_{place.name}:pw@127.0.0.1:{place.server.port}/{place.name}")
    found = run.look(place.database, NOW, COLLECTORS.values())
    assert {one.collector for one in found} == set(COLLECTORS)
    assert all("Traceback" not in one.trouble for one in found)
