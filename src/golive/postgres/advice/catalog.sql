-- name: tables
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
       GREATEST(c.reltuples, 0)::float8 AS rows, c.relpages AS pages,
       pg_catalog.pg_table_size(c.oid) AS size_bytes,
       COALESCE(s.n_tup_ins, 0) AS inserted, COALESCE(s.n_tup_upd, 0) AS updated,
       COALESCE(s.n_tup_hot_upd, 0) AS hot_updated, COALESCE(s.n_tup_del, 0) AS deleted,
       COALESCE(s.seq_scan, 0) AS seq_scans, COALESCE(s.seq_tup_read, 0) AS seq_rows
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
WHERE c.relkind IN ('r', 'p', 'm')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND n.nspname NOT LIKE 'pg\_temp%%' AND c.relpersistence <> 't'
  AND (%(names)s::text[] IS NULL OR c.relname = ANY(%(names)s::text[]));

-- name: columns
SELECT a.attrelid::bigint AS oid, a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       COALESCE(s.avg_width, 8) AS width, COALESCE(s.n_distinct, 0)::float8 AS distinct,
       COALESCE(s.null_frac, 0)::float8 AS null_share, COALESCE(s.correlation, 0)::float8 AS correlation,
       s.most_common_vals::text::text[] AS common, s.most_common_freqs::float8[] AS shares,
       s.histogram_bounds::text::text[] AS bounds, s.attname IS NOT NULL AS known
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stats s
       ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
      AND s.inherited = (c.relkind = 'p')
WHERE a.attrelid = ANY(%(oids)s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum;

-- name: indexes
SELECT i.indrelid::bigint AS oid, x.relname AS name, n.nspname AS schema, m.amname AS method,
       i.indisunique AS unique, i.indisvalid AS valid,
       EXISTS (SELECT FROM pg_catalog.pg_constraint k
               WHERE k.conindid = i.indexrelid) OR i.indisreplident OR i.indisexclusion AS constrained,
       pg_catalog.pg_relation_size(i.indexrelid) AS size_bytes, COALESCE(s.idx_scan, 0) AS scans,
       pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
       pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate, i.indnkeyatts AS key_count,
       ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, k, true)
             FROM generate_series(1, i.indnatts) AS k ORDER BY k) AS keys,
       ARRAY(SELECT (o::int & 1) = 1 FROM unnest(i.indoption::int2[]) AS o) AS descending
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
JOIN pg_catalog.pg_am m ON m.oid = x.relam
LEFT JOIN pg_catalog.pg_stat_all_indexes s ON s.indexrelid = i.indexrelid
WHERE i.indrelid = ANY(%(oids)s::oid[]) AND i.indislive
ORDER BY i.indrelid, x.relname;

-- name: statements
SELECT s.queryid::text AS key, min(s.query) AS text, sum(s.calls)::float8 AS calls,
       sum(s.total_exec_time)::float8 AS total_ms, sum(s.rows)::float8 AS rows
FROM pg_stat_statements s
WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND s.queryid IS NOT NULL
GROUP BY s.queryid
ORDER BY sum(s.total_exec_time) DESC
LIMIT %(limit)s;
