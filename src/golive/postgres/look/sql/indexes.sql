-- name: locked
-- Tables that are locked whole: whoever asks for their indexes' definitions waits for the lock.
SELECT DISTINCT n.nspname AS schema, t.relname AS relation
FROM pg_locks AS l
JOIN pg_class AS c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm', 'i', 'I')
LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
JOIN pg_class AS t ON t.oid = coalesce(i.indrelid, c.oid)
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE l.mode = 'AccessExclusiveLock' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'golive')
LIMIT 100;

-- name: indexes
WITH held AS MATERIALIZED (
    SELECT relation FROM pg_locks
    WHERE mode = 'AccessExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT
    n.nspname AS schema, t.relname AS relation, c.relname AS index, c.oid::regclass::text AS name,
    i.indisvalid AS valid, i.indisready AS ready, i.indisunique AS is_unique, i.indisprimary AS is_primary,
    EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conindid = i.indexrelid) AS is_constraint,
    coalesce(s.idx_scan, 0)::int8 AS scans, pg_relation_size(c.oid)::float8 AS bytes,
    am.amname AS method, i.indkey::text AS keys, i.indclass::text AS classes, i.indoption::text AS options,
    i.indcollation::text AS collations, i.indnkeyatts::int AS key_columns,
    coalesce(pg_get_expr(i.indexprs, i.indrelid), '') AS expressions,
    coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
    pg_get_indexdef(i.indexrelid) AS definition,
    i.indisreplident AS is_replica_identity,
    (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()) AS since
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
JOIN pg_am AS am ON am.oid = c.relam
LEFT JOIN pg_stat_user_indexes AS s ON s.indexrelid = i.indexrelid
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'golive') AND c.relkind IN ('i', 'I')
  AND i.indrelid NOT IN (SELECT relation FROM held) AND i.indexrelid NOT IN (SELECT relation FROM held)
ORDER BY c.relpages DESC
LIMIT 5000;

-- name: foreign_keys
-- Foreign keys whose columns no index of the referring table begins with: deletes of the parent scan the child.
WITH held AS MATERIALIZED (
    SELECT relation FROM pg_locks
    WHERE mode = 'AccessExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT
    n.nspname AS schema, t.relname AS relation, k.conname AS constraint,
    (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY o.place)
     FROM unnest(k.conkey) WITH ORDINALITY AS o(number, place)
     JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = o.number) AS columns,
    t.reltuples::float8 AS tuples,
    CASE WHEN t.oid IN (SELECT relation FROM held) THEN t.relpages * current_setting('block_size')::float8
         ELSE pg_table_size(t.oid)::float8 END AS bytes,
    k.confrelid::regclass::text AS parent,
    t.oid::regclass::text AS name
FROM pg_constraint AS k
JOIN pg_class AS t ON t.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
  AND NOT EXISTS (
    SELECT 1 FROM pg_index AS i
    WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
      AND (SELECT array_agg(p ORDER BY p) FROM unnest((i.indkey::int2[])[0:array_length(k.conkey, 1) - 1]) AS p)
        = (SELECT array_agg(p ORDER BY p) FROM unnest(k.conkey) AS p)
  )
ORDER BY t.reltuples DESC
LIMIT 200;
