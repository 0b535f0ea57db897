"""Sampled plans: from auto_explain's log, with values from the table, and what is kept of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.test import Client

from golive.changes.models import Change, Kind
from golive.people.models import Role, User
from golive.postgres.advice.workload import logged
from golive.postgres.look import logfile, plans, run, sampling
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.models import Origin, PlanLog
from golive.postgres.section import DatabaseSection, apply
from golive.telemetry import facts, store
from tests.postgres.conftest import Place

NOW = datetime.now(UTC)
TEXT = """\
2026-01-01 10:00:00 UTC [1] LOG:  duration: 12.5 ms  plan:
\tQuery Text: SELECT *
\tFROM orders
\tWHERE customer_id = $1
\tQuery Parameters: $1 = '42'
\tGather  (cost=0.00..9.00 rows=5 width=4) (actual time=0.1..9 rows=7 loops=1)
\t  ->  Seq Scan on orders  (cost=0.00..8.00 rows=5 width=4) (actual time=0.1..9 rows=7 loops=1)
\t        Filter: (note = 'Bob''s'::text)
2026-01-01 10:00:01 UTC [1] LOG:  duration: 3.5 ms  plan:
\t{
\t  "Query Text": "SELECT count(*) FROM orders",
\t  "Plan": {"Node Type": "Aggregate", "Total Cost": 9, "Plan Rows": 1,
\t    "Plans": [{"Node Type": "Seq Scan", "Relation Name": "orders", "Total Cost": 8, "Plan Rows": 5}]}
\t}
2026-01-01 10:00:02 UTC [1] LOG:  duration: 3.5 ms  plan:
\t{"Query Text": "SELECT 1", "Pl
"""


def test_auto_explain_is_read_in_text_and_json() -> None:
    first, second = logged(TEXT)
    assert (first.ms, first.text, first.arguments) == (12.5, "SELECT *\nFROM orders\nWHERE customer_id = $1", ("42",))
    assert first.plan.splitlines()[1].startswith("  ->  Seq Scan on orders")
    assert plans.masked(first.plan).endswith("Filter: (note = '…'::text)")
    assert plans.scanned(first.plan) == plans.scanned(second.plan) == ["orders"]
    assert second.text == "SELECT count(*) FROM orders"


def test_a_plan_is_the_same_whatever_its_numbers() -> None:
    one = "Seq Scan on a  (cost=0.00..9.00 rows=5)\n  Filter: (x = 1)"
    assert plans.shape(one) == plans.shape(one.replace("9.00", "8.00").replace("x = 1", "x = 2"))
    assert plans.shape(one) != plans.shape(one.replace("on a", "on b"))


@pytest.mark.parametrize(
    ("part", "whole"),
    [(b"a 1\nb 2\n\tmore\n", b"a 1\n"), (b"a 1\n\tmore", b""), (b"", b""), (b"a\n{\n}\nb", b"a\n{\n}\n")],
)
def test_the_last_entry_waits_until_it_is_whole(part: bytes, whole: bytes) -> None:
    assert logfile.entries(part) == whole


def test_a_log_that_shrank_is_read_from_its_beginning() -> None:
    assert logfile.start(100, 40) == 40
    assert logfile.start(30, 40) == 0
    assert logfile.start(logfile.MOST_BYTES + 50, 0) == 50


@pytest.fixture
def orders(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(facts, "record", lambda table, found: None)
    monkeypatch.setattr(store, "rows", lambda *_, **__: [])  # no store runs here
    place.run("CREATE TABLE orders (id int PRIMARY KEY, customer_id int, kind text, pad text DEFAULT repeat('x', 80))")
    place.run(
        "INSERT INTO orders SELECT n, n / 7, CASE WHEN n < 5 THEN 'a' ELSE 'b' END FROM generate_series(1, 9000) n"
    )
    place.run("CREATE INDEX orders_kind ON orders (kind)")
    place.run("VACUUM (ANALYZE) orders")
    return place


def asked(place: Place, statement: str, *, log: bool = False) -> None:
    with psycopg.connect(place.url, autocommit=True) as connection:
        if log:
            connection.execute("LOAD 'auto_explain'")
            connection.execute("SET auto_explain.log_min_duration = 0")
            connection.execute("SET auto_explain.log_analyze = on")
        connection.execute(statement.encode())
    run.look(place.database, NOW, [COLLECTORS["statements"]])


def test_plans_of_the_log_show_since_when_a_statement_has_which(orders: Place, client: Client) -> None:
    log = str(orders.server.log)
    urls = {"url": orders.database.url, "admin": orders.database.admin}
    apply(orders.project.pk, DatabaseSection.model_validate({**urls, "plans": {"log": log}}), "test")
    orders.database.refresh_from_db()
    text = "SELECT *\nFROM orders\nWHERE customer_id = 7 AND (SELECT pg_sleep(0.002)) IS NOT NULL"
    asked(orders, text, log=True)
    asked(orders, "SELECT 1", log=True)  # the entry before is whole now
    sampling.sample(orders.database, NOW)
    found = orders.database.statements.get(text__contains="pg_sleep")
    (first,) = found.plans.filter(origin=Origin.LOGGED)
    assert "Seq Scan on orders" in first.text
    assert "actual" in first.text
    assert first.took_ms is not None
    read_to = PlanLog.objects.get(database=orders.database).offset
    later = NOW + timedelta(hours=2)
    orders.run("CREATE INDEX ON orders (customer_id)")
    Change.objects.create(project=orders.project, kind=Kind.DEPLOY, at=NOW + timedelta(hours=1), title="release 7")
    asked(orders, text, log=True)
    asked(orders, "SELECT 1", log=True)
    sampling.sample(orders.database, later)
    assert [one.at for one in found.plans.filter(origin=Origin.LOGGED)] == [later, NOW]
    assert PlanLog.objects.get(database=orders.database).offset > read_to
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.OWNER))
    page = client.get(f"/p/{orders.project.slug}/database/statements/{found.query_id}/").content.decode()
    assert "run and logged by auto_explain" in page.lower()
    assert "then on release 7" in page
    assert "from end to end" in page


def test_without_a_log_statements_are_planned_with_values_of_the_table(orders: Place) -> None:
    """A frequent value and a rare one get different plans; what cannot be read is planned without values."""
    asked(orders, "SELECT pad FROM orders WHERE kind = 'a'")
    assert sampling.sample(orders.database, NOW) >= 2
    found = orders.database.statements.get(text__contains="SELECT pad FROM orders")
    kept = {one.note: one.text for one in found.plans.filter(origin=Origin.VALUES)}
    assert set(kept) == {"with a common value", "with a rarer value"}
    assert "Seq Scan" in kept["with a common value"]
    assert "orders_kind" in kept["with a rarer value"]
    assert "'b'" not in "".join(kept.values()), "values are people's data"
    assert sampling.sample(orders.database, NOW + timedelta(minutes=5)) == 0, "once a day"
    assert PlanLog.objects.get(database=orders.database).note


def test_a_log_that_is_not_there_is_said(orders: Place, tmp_path: Path) -> None:
    assert "no file" in logfile.of_file(str(tmp_path / "*.log"), "", 0).note
    assert "no file" in logfile.of_file("relative.log", "", 0).note
