-- name: blocking
-- Sessions that wait for a lock, and every session that holds one up, with what they run.
WITH waiting AS (
    SELECT pid, pg_blocking_pids(pid) AS blockers FROM pg_stat_activity WHERE wait_event_type = 'Lock'
), involved AS (
    SELECT pid FROM waiting UNION SELECT unnest(blockers) FROM waiting
)
SELECT
    a.pid,
    coalesce(w.blockers, '{}') AS blockers,
    coalesce(a.usename, '') AS role,
    a.application_name AS application,
    coalesce(a.state, '') AS state,
    extract(epoch FROM now() - a.xact_start)::float8 AS transaction_seconds,
    extract(epoch FROM now() - a.query_start)::float8 AS query_seconds,
    left(a.query, 500) AS query,
    coalesce((
        SELECT string_agg(DISTINCT coalesce(l.relation::regclass::text, l.locktype) || ' ' || l.mode, ', ')
        FROM pg_locks AS l WHERE l.pid = a.pid AND NOT l.granted
    ), '') AS wants
FROM pg_stat_activity AS a
JOIN involved USING (pid)
LEFT JOIN waiting AS w USING (pid)
ORDER BY a.pid;

-- name: waits
SELECT
    coalesce(wait_event_type, 'CPU') AS kind,
    coalesce(wait_event, 'running') AS event,
    count(*)::int AS sessions,
    extract(epoch FROM max(now() - query_start))::float8 AS longest_seconds,
    left((array_agg(query ORDER BY query_start))[1], 300) AS example
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()
GROUP BY 1, 2
ORDER BY sessions DESC
LIMIT 50;

-- name: open
-- Transactions that stay open: they hold back vacuum everywhere, and locks.
SELECT
    pid::text AS id,
    'session' AS kind,
    coalesce(usename, '') AS role,
    application_name AS application,
    coalesce(state, '') AS state,
    extract(epoch FROM now() - xact_start)::float8 AS transaction_seconds,
    CASE WHEN state LIKE 'idle%' THEN extract(epoch FROM now() - state_change)::float8 END AS idle_seconds,
    coalesce(age(backend_xmin), 0)::int8 AS holds_back,
    left(query, 500) AS query
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND xact_start IS NOT NULL AND now() - xact_start > interval '10 seconds'
  AND pid <> pg_backend_pid()
UNION ALL
SELECT gid, 'prepared', owner, '', 'prepared', extract(epoch FROM now() - prepared)::float8,
       extract(epoch FROM now() - prepared)::float8, age(transaction)::int8, ''
FROM pg_prepared_xacts
ORDER BY transaction_seconds DESC
LIMIT 100;
