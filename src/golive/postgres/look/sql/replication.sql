-- name: standbys
SELECT
    'standby' AS kind,
    coalesce(nullif(application_name, ''), client_addr::text, pid::text) AS name,
    coalesce(state, '') AS state, coalesce(sync_state, '') AS mode, true AS active,
    pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS behind_bytes,
    extract(epoch FROM replay_lag)::float8 AS lag_seconds,
    NULL::float8 AS retained_bytes, '' AS wal_status, NULL::float8 AS safe_bytes
FROM pg_stat_replication
ORDER BY 2;

-- name: slots
SELECT
    'slot' AS kind, slot_name AS name, slot_type AS state, '' AS mode, active,
    NULL::float8 AS behind_bytes, NULL::float8 AS lag_seconds,
    pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 AS retained_bytes,
    coalesce(wal_status, '') AS wal_status, safe_wal_size::float8 AS safe_bytes
FROM pg_replication_slots
ORDER BY 2;

-- name: receiver
SELECT
    'this replica' AS kind, coalesce(r.slot_name, '') AS name, coalesce(r.status, 'not connected') AS state, '' AS mode,
    r.pid IS NOT NULL AS active,
    pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::float8 AS behind_bytes,
    extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8 AS lag_seconds,
    NULL::float8 AS retained_bytes, '' AS wal_status, NULL::float8 AS safe_bytes
FROM (SELECT 1) AS one
LEFT JOIN pg_stat_wal_receiver AS r ON true;
