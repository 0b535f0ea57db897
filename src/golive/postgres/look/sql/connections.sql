-- name: connections
-- Who holds client connections, by role, application and state.
SELECT
    coalesce(a.usename, '?') AS role,
    coalesce(nullif(a.application_name, ''), '(none)') AS application,
    coalesce(a.datname, '') AS database,
    coalesce(a.state, 'unknown') AS state,
    count(*)::int AS connections,
    extract(epoch FROM max(now() - a.state_change))::float8 AS oldest_seconds
FROM pg_stat_activity AS a
WHERE a.backend_type = 'client backend'
GROUP BY 1, 2, 3, 4
ORDER BY connections DESC, role, application, state
LIMIT 200;

-- name: limits
SELECT
    current_setting('max_connections')::int AS most,
    current_setting('superuser_reserved_connections')::int AS reserved,
    (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used;
