-- name: relations
-- A table that is locked whole is asked nothing: its size is then the one of its last VACUUM, without its indexes.
WITH held AS MATERIALIZED (
    SELECT relation FROM pg_locks
    WHERE mode = 'AccessExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT
    n.nspname AS schema, c.relname AS relation, c.relkind::text AS kind,
    CASE WHEN h.locked THEN h.bytes ELSE pg_total_relation_size(c.oid)::float8 END AS bytes,
    CASE WHEN h.locked THEN h.bytes ELSE pg_relation_size(c.oid)::float8 END AS heap_bytes,
    CASE WHEN h.locked THEN 0 ELSE pg_indexes_size(c.oid)::float8 END AS index_bytes,
    CASE WHEN h.locked THEN 0 ELSE coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)::float8 END
        AS toast_bytes
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT c.relpages * current_setting('block_size')::float8 AS bytes,
           c.oid IN (SELECT relation FROM held)
           OR EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indexrelid IN (SELECT relation FROM held))
           AS locked
) AS h
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY c.relpages::int8 + coalesce((SELECT t.relpages FROM pg_class AS t WHERE t.oid = c.reltoastrelid), 0) DESC
LIMIT 60;

-- name: total
SELECT sum(pg_database_size(oid))::float8 AS all_bytes FROM pg_database WHERE has_database_privilege(oid, 'CONNECT')
    OR pg_has_role('pg_read_all_stats', 'MEMBER');

-- name: folder
SELECT current_setting('data_directory') AS folder;
