"""Advice as a table: a workload on the shop's schema, and the index expected, or silence."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice.advise import advise
from golive.postgres.advice.plan import AdvicePlan
from golive.postgres.advice.workload import Statement
from golive.sandbox.servers import PostgresServer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 10_000.0

# Statements (calls in front when not 10 000), then what the first keys of an advised index must be.
ADVICE = [
    ("SELECT * FROM orders WHERE customer_id = $1", "orders (customer_id)"),
    ("SELECT * FROM orders WHERE customer_id = $1 AND placed > $2", "orders (customer_id"),
    ("SELECT * FROM orders WHERE customer_id = $1 ORDER BY placed DESC LIMIT $2", "orders (customer_id"),
    ("SELECT * FROM orders ORDER BY placed DESC LIMIT 20", "orders (placed"),
    ("SELECT max(placed) FROM orders", "orders (placed"),
    ("SELECT min(total) FROM orders", "orders (total"),
    ("SELECT * FROM orders WHERE code = $1", "orders (code)"),
    ("SELECT id FROM orders WHERE code LIKE 'Cab12%'", "orders (code text_pattern_ops"),
    ("SELECT * FROM orders WHERE region = $1 AND customer_id = $2", "customer_id"),
    ("SELECT * FROM orders WHERE customer_id = ANY($1)", "orders (customer_id"),
    ("SELECT * FROM orders WHERE customer_id IN ($1, $2)", "orders (customer_id"),
    ("SELECT * FROM orders WHERE customer_id = $1 OR code = $2", "orders (c"),
    ("SELECT count(*) FROM orders WHERE region = $1", "orders (region"),
    ("SELECT sum(total) FROM orders WHERE region = $1", "orders (region"),
    ("SELECT * FROM orders WHERE shipped IS NULL", "shipped"),
    ("SELECT id, placed FROM orders WHERE shipped IS NULL ORDER BY placed LIMIT 50", "placed"),
    ("SELECT * FROM orders WHERE placed BETWEEN $1 AND $1", "orders (placed"),
    ("SELECT * FROM orders WHERE date_trunc('day', placed) = '2024-03-01'", "DATE_TRUNC('day', placed)"),
    ("SELECT * FROM customers WHERE email = $1", "customers (email"),
    ("SELECT * FROM customers WHERE lower(name) = $1", "customers ((LOWER(name))"),
    ("SELECT * FROM customers WHERE note = $1", "customers (note"),
    ("SELECT * FROM customers WHERE note IS NOT NULL", "WHERE note IS NOT NULL"),
    ("SELECT id, email FROM customers WHERE active", "active"),
    ("SELECT * FROM customers WHERE profile ->> 'city' = $1", "profile ->> 'city'"),
    ("SELECT * FROM customers WHERE created > '2024-10-03'", "customers (created"),
    ("SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id = $1", "orders (customer_id"),
    ("SELECT * FROM items i JOIN products p ON p.id = i.product_id WHERE p.id = $1", "items (product_id"),
    ("SELECT * FROM items WHERE product_id = $1", "items (product_id"),
    ("SELECT count(*) FROM items WHERE product_id = $1 AND quantity > $2", "items (product_id"),
    ("SELECT 1 FROM customers c WHERE c.id = $1 AND EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)",
     "orders (customer_id"),
    ("DELETE FROM orders WHERE customer_id = $1", "orders (customer_id"),
    ("UPDATE orders SET total = $1 WHERE code = $2", "orders (code"),
    ("UPDATE sessions SET seen = $1 WHERE expires < '1999-01-01'", "sessions (expires"),
    ("WITH mine AS (SELECT * FROM orders WHERE customer_id = $1) SELECT count(*) FROM mine", "orders (customer_id"),
    ("SELECT * FROM orders WHERE (placed, id) > ('2025-02-20', 5) ORDER BY placed, id LIMIT 10", "orders (placed"),
    ("SELECT DISTINCT region FROM orders WHERE customer_id = $1", "orders (customer_id"),
    ("SELECT * FROM orders WHERE customer_id = $1 FOR UPDATE", "orders (customer_id"),
    ("SELECT customer_id, count(*) FROM orders WHERE region = $1 GROUP BY customer_id", "orders (region"),
    ("SELECT * FROM orders WHERE customer_id = $1 AND status = 'open'", "orders (customer_id"),
    ("SELECT * FROM orders WHERE code = $1 AND total > 5 AND quantity < 9", "orders (code"),
    ("SELECT o.id FROM customers c CROSS JOIN LATERAL (SELECT id FROM orders WHERE customer_id = c.id ORDER BY placed "
     "DESC LIMIT 1) o WHERE c.id < 20", "orders (customer_id"),
    ("SELECT * FROM customers WHERE email = $1 AND active AND country = 'us'", "customers (email"),
    ("SELECT status, count(*) FROM orders GROUP BY status ORDER BY 2 DESC", "orders (status"),
    ("SELECT * FROM orders WHERE customer_id = $1 UNION ALL SELECT * FROM orders WHERE code = $2", "orders (c"),
]  # fmt: skip

SILENCE = [
    "SELECT * FROM orders WHERE id = $1",
    "SELECT * FROM orders WHERE id = ANY($1)",
    "SELECT * FROM orders WHERE id BETWEEN $1 AND $2",
    "SELECT * FROM orders ORDER BY id LIMIT 10",
    "SELECT max(id) FROM orders",
    "SELECT * FROM orders",
    "SELECT count(*) FROM products WHERE kind > 0",
    "SELECT * FROM settings WHERE value = $1",
    "SELECT * FROM settings WHERE key = $1",
    "SELECT * FROM settings ORDER BY value LIMIT 1",
    "SELECT * FROM sessions WHERE token = $1",
    "SELECT * FROM sessions WHERE user_id = $1",
    "SELECT * FROM sessions WHERE user_id = $1 AND seen > $2",
    "SELECT * FROM sessions WHERE user_id = $1 ORDER BY seen DESC LIMIT 1",
    "SELECT * FROM customers WHERE lower(email) = $1",
    "SELECT * FROM customers WHERE id = $1 AND country = 'us'",
    "SELECT * FROM customers WHERE country = 'us'",
    "SELECT * FROM customers WHERE NOT active",
    "SELECT * FROM customers WHERE note IS NULL",
    "SELECT * FROM customers WHERE name <> $1",
    "SELECT * FROM customers WHERE random() < 0.01",
    "SELECT * FROM orders WHERE quantity >= 0",
    "SELECT * FROM orders WHERE status <> 'done'",
    "SELECT * FROM orders WHERE total > 1",
    "SELECT o.*, c.name FROM orders o JOIN customers c ON c.id = o.customer_id",
    "SELECT * FROM items WHERE order_id = $1",
    "SELECT * FROM items WHERE order_id = $1 AND product_id = $2",
    "SELECT i.* FROM orders o JOIN items i ON i.order_id = o.id WHERE o.id = $1",
    "SELECT c.* FROM customers c WHERE c.id = (SELECT max(id) FROM customers)",
    "INSERT INTO orders (id, customer_id, status) VALUES ($1, $2, $3)",
    "UPDATE orders SET total = $1 WHERE id = $2",
    "DELETE FROM orders WHERE id = $1",
    # An index looks obvious here, and would not pay.
    "SELECT * FROM orders WHERE customer_id IS NOT NULL",
    "SELECT * FROM orders WHERE status = 'done'",
    "SELECT * FROM orders WHERE placed < '2030-01-01'",
    "SELECT * FROM orders WHERE quantity IN (0, 1, 2, 3, 4, 5)",
    "SELECT * FROM customers WHERE country = 'de' OR country = 'us'",
    "SELECT count(*) FROM items",
    "SELECT * FROM orders ORDER BY random() LIMIT 5",
    "SELECT * FROM orders LIMIT 10 OFFSET 100000",
    "SELECT * FROM orders WHERE code LIKE '%abc%'",
    "SELECT * FROM orders WHERE total + quantity > 0",
    # One that exists does it already, though not in the same words.
    "SELECT * FROM sessions WHERE token = $1 AND seen > $2",
    "SELECT * FROM items WHERE order_id = $1 ORDER BY product_id",
    "SELECT * FROM items WHERE order_id IN ($1, $2) AND product_id > $3",
    "SELECT * FROM orders WHERE id > $1 ORDER BY id LIMIT 100",
    "SELECT * FROM customers WHERE lower(email) = $1 AND active",
    "SELECT * FROM orders WHERE status = 'open' ORDER BY placed LIMIT 20",
    "SELECT * FROM orders WHERE id = $1 FOR UPDATE",
    "SELECT o.* FROM items i JOIN orders o ON o.id = i.order_id WHERE i.id = $1",
    "SELECT now()",
    "SELECT * FROM pg_class WHERE relname = $1",
    "SELECT * FROM nowhere WHERE a = $1",
    "SELECT * FROM orders WHERE customer_id = $1 AND (region =",
]


@pytest.fixture(scope="module")
def shop() -> Iterator[Connection[Any]]:
    """The shop's database. Every row is read for its statistics (shop.sql), so no sample decides."""
    settings = {"random_page_cost": "1.1", "max_parallel_workers_per_gather": "0", "jit": "off"}
    script = Path(__file__).with_name("shop.sql").read_text()
    with (
        PostgresServer(settings=settings) as server,
        psycopg.connect(server.create_database("shop"), autocommit=True) as connection,
    ):
        for statement in filter(str.strip, script.split(";\n")):
            connection.execute(statement.encode())
        yield connection


def changes(connection: Connection[Any], *statements: tuple[str, float]) -> tuple[list[str], list[str]]:
    """Indexes advised for a workload, and the reasons for silence."""
    workload = [Statement(str(n), text, calls, calls, calls) for n, (text, calls) in enumerate(statements)]
    report = advise(connection, workload, AdvicePlan(), NOW)
    added = [change.statement for change in report.changes if change.kind == "add"]
    return [each.replace('"', "").replace("public.", "") for each in added], [one.silence for one in report.findings]


@pytest.mark.parametrize(("text", "expected"), ADVICE)
def test_advice(shop: Connection[Any], text: str, expected: str) -> None:
    added, silences = changes(shop, (text, MANY))
    said = [each.split(" ON ")[1].replace(" USING btree", "") for each in added]
    assert any(expected in each for each in said), (said, silences)


@pytest.mark.parametrize("text", SILENCE)
def test_silence_with_a_reason(shop: Connection[Any], text: str) -> None:
    added, silences = changes(shop, (text, MANY))
    assert added == []
    assert all(silences)


WRITES = "INSERT INTO orders (customer_id, status) VALUES ($1, $2)"


def test_writes_outweigh_a_rare_read(shop: Connection[Any]) -> None:
    """The index that a frequent read deserves is not worth it when the table is written to all the time."""
    read = "SELECT * FROM orders WHERE customer_id = $1"
    assert changes(shop, (read, 1000), (WRITES, 1000))[0]
    assert changes(shop, (read, 1), (WRITES, 5e7))[0] == []


def test_one_index_serves_two_statements(shop: Connection[Any]) -> None:
    """The shop's statistics are of all rows, not of a sample, so that near ties fall out alike each time."""
    added, _ = changes(
        shop,
        ("SELECT * FROM orders WHERE customer_id = $1", MANY),
        ("SELECT * FROM orders WHERE customer_id = $1 ORDER BY placed DESC LIMIT 5", MANY),
    )
    assert len(added) == 1, added
    assert "(customer_id" in added[0]


def test_the_frequent_statement_gets_the_budget(shop: Connection[Any]) -> None:
    """What runs a million times is served before what runs once."""
    catalog = catalogs.read(shop)
    assert catalog.find("orders") is not None
    added, silences = changes(
        shop,
        ("SELECT * FROM orders WHERE code = $1", 1_000_000),
        ("SELECT * FROM items WHERE product_id = $1", 1),
    )
    assert len(added) == 1
    assert "(code)" in added[0]
    assert silences[1]
