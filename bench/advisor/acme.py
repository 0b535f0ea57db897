"""acme's own schema: many tenants of very different size, with the statements a SaaS runs."""

import psycopg

SCRIPT = """
CREATE TABLE customers (id int PRIMARY KEY, plan text, country text, email text, created timestamptz);
INSERT INTO customers SELECT n, CASE WHEN n % 20 = 0 THEN 'pro' ELSE 'free' END, 'c' || n % 30,
  'u' || n || '@example.com',
  now() - n * interval '1 hour' FROM generate_series(1, {customers}) n;
CREATE TABLE projects (id int PRIMARY KEY, customer_id int, name text, archived timestamptz);
INSERT INTO projects SELECT n, 1 + floor({customers} * power(random(), 4))::int % {customers}, 'p' || n,
  CASE WHEN n % 4 = 0 THEN now() END FROM generate_series(1, {projects}) n;
CREATE TABLE events (id bigserial PRIMARY KEY, customer_id int, project_id int, kind text, at timestamptz, amount int,
  state text, payload jsonb);
INSERT INTO events (customer_id, project_id, kind, at, amount, state, payload)
  SELECT 1 + floor({customers} * power(random(), 4))::int % {customers}, 1 + (random() * ({projects} - 1))::int,
  'kind' || floor(12 * power(random(), 3))::int, now() - ({rows} - n) * interval '3 seconds', (random() * 1000)::int,
  CASE WHEN n % 200 = 0 THEN 'failed' WHEN n % 7 = 0 THEN 'open' ELSE 'done' END, jsonb_build_object('n', n % 5000)
  FROM generate_series(1, {rows}) n;
CREATE TABLE invoices (id int PRIMARY KEY, customer_id int, due date, total int, paid timestamptz);
INSERT INTO invoices SELECT n, 1 + floor({customers} * power(random(), 4))::int % {customers},
  current_date - n % 900, n % 500,
  CASE WHEN n % 25 <> 0 THEN now() END FROM generate_series(1, {invoices}) n;
CREATE INDEX events_kind ON events (kind);
VACUUM (ANALYZE)
"""

WORKLOAD = [
    (5000, "SELECT * FROM events WHERE customer_id = $1 ORDER BY at DESC LIMIT 50"),
    (2000, "SELECT count(*) FROM events WHERE customer_id = $1 AND at > now() - interval '7 days'"),
    (500, "SELECT * FROM events WHERE project_id = $1 AND state = 'failed' ORDER BY at DESC LIMIT 20"),
    (300, "SELECT kind, count(*), sum(amount) FROM events WHERE project_id = $1 GROUP BY kind"),
    (20, "SELECT date_trunc('day', at), count(*) FROM events WHERE at > now() - interval '3 days' GROUP BY 1"),
    (3000, "SELECT * FROM projects WHERE customer_id = $1 AND archived IS NULL ORDER BY name"),
    (4000, "SELECT * FROM customers WHERE email = $1"),
    (1000, "SELECT * FROM customers WHERE lower(email) = $1"),
    (50, "SELECT c.id, c.email, sum(i.total) FROM customers c JOIN invoices i ON i.customer_id = c.id "
         "WHERE i.paid IS NULL AND i.due < current_date - 30 GROUP BY c.id, c.email"),
    (800, "SELECT * FROM invoices WHERE customer_id = $1 ORDER BY due DESC LIMIT 12"),
    (10, "SELECT country, count(*) FROM customers GROUP BY country"),
    (6000, "SELECT * FROM customers WHERE id = $1"),
    (20000, "INSERT INTO events (customer_id, project_id, kind, at, amount, state) "
            "VALUES (7, 9, 'kind1', now(), 1, 'open')"),
    (3000, "UPDATE events SET state = 'done' WHERE id = $1"),
]  # fmt: skip


def load(url: str, rows: int) -> None:
    """Make the tables; `rows` events."""
    sizes = {"rows": rows, "customers": max(rows // 100, 500), "projects": max(rows // 40, 500), "invoices": rows // 20}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT setseed(0.5)")
        for statement in SCRIPT.split(";\n"):
            connection.execute(statement.format(**sizes).encode())
        connection.execute("CREATE EXTENSION hypopg")
