-- name: tables
-- An estimate from the planner's statistics: rows x average width against the pages there are. Needs SELECT (pg_stats).
WITH held AS MATERIALIZED (
    SELECT relation FROM pg_locks
    WHERE mode = 'AccessExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT
    n.nspname AS schema, c.relname AS relation, c.oid::regclass::text AS name,
    CASE WHEN c.oid IN (SELECT relation FROM held) THEN c.relpages * current_setting('block_size')::float8
         ELSE pg_relation_size(c.oid)::float8 END AS bytes,
    c.reltuples::float8 AS tuples,
    coalesce(w.width, 0)::float8 AS width,
    coalesce(w.columns, 0)::int AS known_columns,
    c.relnatts::int AS columns,
    coalesce((SELECT substring(o FROM 'fillfactor=(\d+)')::int FROM unnest(c.reloptions) AS o WHERE o LIKE 'fillfactor=%'), 100)
        AS fillfactor,
    current_setting('block_size')::int AS page
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT sum((1 - s.null_frac) * s.avg_width) AS width, count(*) AS columns
    FROM pg_stats AS s WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND NOT s.inherited
) AS w ON true
WHERE c.relkind IN ('r', 'm') AND c.reltuples > 0 AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND c.relpages > 128
ORDER BY c.relpages DESC
LIMIT 40;

-- name: exact
SELECT approx_free_percent AS free, dead_tuple_percent AS dead
FROM pgstattuple_approx(%(name)s::regclass);
