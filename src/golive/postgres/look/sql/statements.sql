-- name: counters
-- Without texts, which would be read from a file each time. Columns are those of version 1.8 on (PostgreSQL 13).
SELECT
    s.queryid::text AS query_id, coalesce(r.rolname, s.userid::text) AS role, coalesce(d.datname, '') AS database,
    sum(s.calls)::float8 AS calls, sum(s.total_exec_time)::float8 AS total_ms, sum(s.rows)::float8 AS row_count,
    sum(s.shared_blks_hit)::float8 AS hit, sum(s.shared_blks_read)::float8 AS read,
    sum(s.temp_blks_written)::float8 AS temp, sum(s.wal_bytes)::float8 AS wal, max(s.max_exec_time)::float8 AS max_ms
FROM pg_stat_statements(false) AS s
LEFT JOIN pg_roles AS r ON r.oid = s.userid
LEFT JOIN pg_database AS d ON d.oid = s.dbid
WHERE s.queryid IS NOT NULL AND d.datname = current_database()
GROUP BY 1, 2, 3
ORDER BY total_ms DESC
LIMIT 2000;

-- name: texts
SELECT DISTINCT ON (queryid) queryid::text AS query_id, left(query, 20000) AS text
FROM pg_stat_statements
WHERE queryid = ANY (%(ids)s::int8[]);

-- name: lost
SELECT dealloc::float8 AS lost, current_setting('pg_stat_statements.max')::int AS most FROM pg_stat_statements_info;
