CREATE EXTENSION IF NOT EXISTS hypopg;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SELECT setseed(0.42);
CREATE TABLE customers (id int PRIMARY KEY, email text, name text, country text, active boolean, created timestamp, profile jsonb, tags text[], note text);
INSERT INTO customers SELECT n, 'user' || n || '@example.com', 'Name ' || md5(n::text), CASE WHEN n % 10 = 0 THEN 'de' ELSE 'us' END,
  n % 20 = 0, '2024-01-01'::timestamp + n * interval '10 minutes', jsonb_build_object('plan', n % 500, 'city', md5((n % 900)::text)),
  ARRAY['t' || n % 300, 't' || n % 7], CASE WHEN n % 50 = 0 THEN 'note ' || n END FROM generate_series(1, 40000) n;
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, status text, total numeric(12,2), placed timestamp, shipped timestamp, region int, code text, quantity int);
INSERT INTO orders SELECT n, (random() * 40000)::int, CASE WHEN n % 100 = 0 THEN 'open' WHEN n % 3 = 0 THEN 'paid' ELSE 'done' END,
  (random() * 1000)::numeric(12,2), '2024-01-01'::timestamp + n * interval '5 minutes', CASE WHEN n % 50 <> 0 THEN '2024-06-01'::timestamp END,
  (random() * 200)::int, 'C' || md5(n::text), (random() * 5)::int FROM generate_series(1, 120000) n;
CREATE TABLE items (id int PRIMARY KEY, order_id int, product_id int, quantity int, price numeric(10,2));
INSERT INTO items SELECT n, (random() * 120000)::int, (random() * 2000)::int, (random() * 9)::int, random() * 100 FROM generate_series(1, 150000) n;
CREATE TABLE products (id int PRIMARY KEY, name text, kind int);
INSERT INTO products SELECT n, 'product ' || n, n % 40 FROM generate_series(1, 2000) n;
CREATE TABLE settings (key text PRIMARY KEY, value text);
INSERT INTO settings SELECT 'k' || n, 'v' FROM generate_series(1, 60) n;
CREATE TABLE sessions (id int PRIMARY KEY, user_id int, token text, seen timestamp, expires timestamp);
INSERT INTO sessions SELECT n, n % 30000, md5(n::text), now(), now() FROM generate_series(1, 60000) n;
CREATE INDEX sessions_token ON sessions (token);
CREATE INDEX sessions_user_seen ON sessions (user_id, seen);
CREATE INDEX customers_lower_email ON customers (lower(email));
CREATE INDEX orders_open ON orders (placed) WHERE status = 'open';
CREATE INDEX items_order_product ON items (order_id, product_id);
ALTER TABLE customers ALTER id SET STATISTICS 10000;
ALTER TABLE orders ALTER id SET STATISTICS 10000;
ALTER TABLE items ALTER id SET STATISTICS 10000;
ALTER TABLE products ALTER id SET STATISTICS 10000;
ALTER TABLE sessions ALTER id SET STATISTICS 10000;
VACUUM (ANALYZE);
