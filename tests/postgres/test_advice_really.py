"""Advice where HypoPG is missing, and what traces say of N+1."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice import repeats
from golive.postgres.advice.access import read
from golive.postgres.advice.advise import advise
from golive.postgres.advice.arguments import samples
from golive.postgres.advice.candidate import Candidate, Key
from golive.postgres.advice.choose import Terms
from golive.postgres.advice.plan import AdvicePlan
from golive.postgres.advice.really import Really, promising
from golive.postgres.advice.search import search
from golive.postgres.advice.traps import Repetition
from golive.postgres.advice.workload import Query, Statement, shape
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble
from tests.postgres.conftest import Place
from tests.rules.conftest import insert
from tests.telemetry.stores import running_store

NOW = datetime.now(UTC)
PAD = "repeat('x', 60)"
STATEMENTS = [
    Statement("1", "SELECT * FROM orders WHERE customer_id = $1", 10_000.0, 10_000.0),
    Statement("2", "SELECT count(*) FROM orders WHERE tags @> ARRAY['t7']", 1_000.0, 10_000.0),
    Statement("3", "SELECT * FROM orders WHERE id = $1", 10_000.0, 10_000.0),
]


@pytest.fixture
def orders(place: Place) -> Place:
    place.run(
        "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, tags text[], pad text DEFAULT repeat('x', 60))"
    )
    place.run("INSERT INTO orders SELECT n, n %% %s, ARRAY['t' || n %% 3000] FROM generate_series(1, 30000) n", 4500)
    place.run("VACUUM (ANALYZE) orders")
    return place


def test_the_promising_come_in_turn() -> None:
    one, two, three = (Candidate("s", "t", (Key(name),)) for name in "abc")
    assert promising([[one, two], [three]], most=2) == [one, three]
    assert promising([[one, two], [one]]) == [one, two]


def test_indexes_are_built_priced_and_taken_away(orders: Place) -> None:
    """The same answer as HypoPG's, and GIN priced as well, which HypoPG cannot imagine."""
    with psycopg.connect(orders.url, autocommit=True) as connection:
        catalog = catalogs.read(connection)
        queries = []
        for statement in STATEMENTS:
            reading = read(statement.text, catalog)
            queries.append(Query(statement, reading, samples(statement.text, reading)))
        pricer = Really(connection)
        found = search(connection, queries, catalog, Terms(64 << 20), relative_worth=0.002, pricer=pricer)
        assert {one.candidate.body().split(" USING ")[1] for one in found.adds if one.candidate} == {
            'btree ("customer_id")',
            'gin ("tags")',
        }
        assert "were built on the copy" in found.note
        assert all(one.size_bytes > 0 for one in found.adds)
        pricer.reset()
    assert orders.run("SELECT indexname FROM pg_indexes WHERE tablename = 'orders'") == [("orders_pkey",)]


def test_without_the_extension_a_copy_serves_and_without_a_copy_the_way_out_is_said(
    orders: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that may not create the extension stands for a server that lacks it."""
    orders.run(f"CREATE ROLE plain_{orders.name} LOGIN CREATEDB PASSWORD 'pw'")
    copy = f"{orders.name}_copy"
    orders.server.create_database(copy, template=orders.name)
    orders.run(f'ALTER DATABASE "{copy}" OWNER TO plain_{orders.name}')
    place = f"127.0.0.1:{orders.server.port}"
    with psycopg.connect(orders.server.url(copy), autocommit=True) as owner:
        owner.execute(f"ALTER TABLE orders OWNER TO plain_{orders.name}".encode())
        owner.execute(f"GRANT CREATE ON SCHEMA public TO plain_{orders.name}".encode())
    url = f"postgresql://plain_{orders.name}:pw@{place}/{copy}"
    with session(orders.url) as connection:
        report = advise(connection, STATEMENTS, AdvicePlan(), NOW, url)
    assert {change.name for change in report.advised} == {"orders_customer_id_ix", "orders_tags_gin_ix"}
    assert any("HypoPG is not there" in note for note in report.notes)
    with session(url) as bare, pytest.raises(DatabaseTrouble, match=r"\[database.advice\] clone"):
        advise(bare, STATEMENTS, AdvicePlan(), NOW)
    orders.run(f'DROP DATABASE "{copy}"')


@pytest.mark.parametrize(
    ("driver", "server"),
    [
        ("SELECT * FROM orders WHERE id = %s", "SELECT * FROM orders WHERE id = $1"),
        ("SELECT * FROM orders WHERE id = %(id_1)s", "select * from orders where id = $1"),
        ("SELECT *  FROM orders\n WHERE id = :id", "SELECT * FROM orders WHERE id = $1;"),
        ("SELECT * FROM orders WHERE id IN (%s, %s, %s)", "SELECT * FROM orders WHERE id IN ($1, $2)"),
        ("SELECT * FROM orders WHERE at > '2026-01-01'::date", "SELECT * FROM orders WHERE at > $1::date"),
        ("SELECT 1 /*traceparent=00-abc*/", "SELECT $1"),
    ],
)
def test_drivers_and_the_server_write_the_same_statement(driver: str, server: str) -> None:
    assert shape(driver) == shape(server)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_store(tmp_path_factory.mktemp("store")):
        yield


def test_n_plus_one_is_read_from_the_traces_of_requests(store: None, orders: Place) -> None:
    """Three requests with eight queries each; a fourth route asks once a request."""
    common = {"project": orders.project.slug, "environment": "production", "release": "1", "synthetic": False}
    spans = []
    for trace in range(6):
        many, route = (8, "/invoices") if trace < 3 else (1, "/orders")
        at = NOW - timedelta(minutes=5 + trace)
        base = {**common, "received_at": at, "time": at, "duration_ns": 1000, "service": "web", "status": "unset"}
        spans.append({**base, "name": "GET", "kind": "server", "http_method": "GET", "http_route": route,
                      "trace_id": f"t{trace}", "span_id": "s"})  # fmt: skip
        spans += [
            {**base, "name": "SELECT", "kind": "client", "trace_id": f"t{trace}", "span_id": f"c{number}",
             "attributes": {"db.system": "postgresql", "db.statement": "SELECT * FROM orders WHERE customer_id = %s"}}
            for number in range(many)
        ]  # fmt: skip
    insert("spans_arriving", spans)
    found = repeats.seen(orders.project.slug, NOW)
    assert found == [("SELECT * FROM orders WHERE customer_id = %s", Repetition("GET /invoices", 8.0))]
    known = repeats.matched(STATEMENTS, found)
    assert set(known) == {"1"}
    with session(orders.url, read_only=False) as connection:
        report = advise(connection, STATEMENTS[:1], AdvicePlan(), NOW, repetitions=known)
    (trap,) = [one for one in report.findings[0].traps if one.kind == "n_plus_one"]
    assert "GET /invoices runs it 8 times a request" in trap.problem
