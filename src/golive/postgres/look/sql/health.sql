-- name: cache
WITH held AS MATERIALIZED (
    SELECT relation FROM pg_locks
    WHERE mode = 'AccessExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT
    coalesce(sum(heap_blks_hit), 0)::float8 AS heap_hit, coalesce(sum(heap_blks_read), 0)::float8 AS heap_read,
    n.nspname AS schema, c.relname AS relation,
    sum(coalesce(idx_blks_hit, 0))::float8 AS index_hit, sum(coalesce(idx_blks_read, 0))::float8 AS index_read,
    CASE WHEN c.oid IN (SELECT relation FROM held) THEN max(c.relpages) * current_setting('block_size')::float8
         ELSE pg_table_size(c.oid)::float8 END AS bytes
FROM pg_statio_user_tables AS s
JOIN pg_class AS c ON c.oid = s.relid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
GROUP BY n.nspname, c.relname, c.oid
ORDER BY sum(heap_blks_read) DESC NULLS LAST
LIMIT 50;

-- name: sequences
-- How far each sequence is, against its own end and that of the column which it fills.
SELECT
    s.schemaname AS schema, s.sequencename AS sequence,
    coalesce(s.last_value, 0)::float8 AS last, s.increment_by AS step,
    least(
        s.max_value::numeric,
        CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE s.max_value END
    )::float8 AS most,
    coalesce(format('%I.%I.%I', tn.nspname, t.relname, a.attname), '') AS column,
    coalesce(format_type(a.atttypid, NULL), '') AS type,
    s.cycle AS cycles
FROM pg_sequences AS s
JOIN pg_namespace AS n ON n.nspname = s.schemaname
JOIN pg_class AS c ON c.relname = s.sequencename AND c.relnamespace = n.oid
LEFT JOIN pg_depend AS d
    ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
   AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
LEFT JOIN pg_class AS t ON t.oid = d.refobjid
LEFT JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE s.increment_by > 0 AND s.last_value IS NOT NULL
ORDER BY coalesce(s.last_value, 0)::float8 / nullif(least(
        s.max_value::numeric,
        CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE s.max_value END
    )::float8, 0) DESC
LIMIT 50;

-- name: wraparound
SELECT 'database' AS kind, datname AS name, age(datfrozenxid)::int8 AS age, mxid_age(datminmxid)::int8 AS multixact_age,
       current_setting('autovacuum_freeze_max_age')::int8 AS freeze_at
FROM pg_database WHERE datallowconn
UNION ALL
(
    SELECT 'table', c.oid::regclass::text, age(c.relfrozenxid)::int8, mxid_age(c.relminmxid)::int8,
           current_setting('autovacuum_freeze_max_age')::int8
    FROM pg_class AS c WHERE c.relkind IN ('r', 'm', 't')
    ORDER BY age(c.relfrozenxid) DESC LIMIT 10
)
ORDER BY kind, age DESC;

-- name: vacuum
WITH held AS MATERIALIZED (
    SELECT relation FROM pg_locks
    WHERE mode = 'AccessExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT
    s.schemaname AS schema, s.relname AS relation,
    s.n_live_tup::int8 AS live, s.n_dead_tup::int8 AS dead, s.n_mod_since_analyze::int8 AS changed,
    greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at, greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at,
    current_setting('autovacuum_vacuum_threshold')::float8
        + current_setting('autovacuum_vacuum_scale_factor')::float8 * greatest(c.reltuples, 0) AS vacuum_at,
    current_setting('autovacuum_analyze_threshold')::float8
        + current_setting('autovacuum_analyze_scale_factor')::float8 * greatest(c.reltuples, 0) AS analyze_at,
    coalesce('autovacuum_enabled=false' = ANY (c.reloptions) OR 'autovacuum_enabled=off' = ANY (c.reloptions), false)
        AS switched_off,
    coalesce(s.n_tup_upd, 0)::int8 AS updates, coalesce(s.n_tup_hot_upd, 0)::int8 AS hot_updates,
    CASE WHEN c.oid IN (SELECT relation FROM held) THEN c.relpages * current_setting('block_size')::float8
         ELSE pg_table_size(c.oid)::float8 END AS bytes
FROM pg_stat_user_tables AS s
JOIN pg_class AS c ON c.oid = s.relid
ORDER BY s.n_dead_tup DESC, c.relpages DESC
LIMIT 100;
