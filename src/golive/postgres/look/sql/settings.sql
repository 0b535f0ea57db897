-- name: settings
SELECT name, setting, coalesce(unit, '') AS unit, source, boot_val AS built_in, pending_restart
FROM pg_settings
WHERE name IN (
    'shared_buffers', 'effective_cache_size', 'work_mem', 'maintenance_work_mem', 'max_connections', 'random_page_cost',
    'fsync', 'full_page_writes', 'autovacuum', 'track_io_timing', 'log_lock_waits', 'statement_timeout',
    'idle_in_transaction_session_timeout', 'password_encryption', 'ssl', 'max_wal_size', 'wal_compression',
    'shared_preload_libraries', 'synchronous_commit', 'track_activity_query_size', 'max_worker_processes',
    'wal_level', 'archive_mode', 'data_checksums', 'log_min_duration_statement', 'autovacuum_max_workers', 'jit'
)
ORDER BY name;
