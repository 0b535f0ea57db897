-- name: relations
SELECT
    n.nspname AS schema, c.relname AS relation, c.relkind::text AS kind,
    pg_total_relation_size(c.oid)::float8 AS bytes, pg_relation_size(c.oid)::float8 AS heap_bytes,
    pg_indexes_size(c.oid)::float8 AS index_bytes,
    coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)::float8 AS toast_bytes
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY c.relpages::int8 + coalesce((SELECT t.relpages FROM pg_class AS t WHERE t.oid = c.reltoastrelid), 0) DESC
LIMIT 60;

-- name: total
SELECT sum(pg_database_size(oid))::float8 AS all_bytes FROM pg_database WHERE has_database_privilege(oid, 'CONNECT')
    OR pg_has_role('pg_read_all_stats', 'MEMBER');

-- name: folder
SELECT current_setting('data_directory') AS folder;
