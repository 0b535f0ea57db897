-- name: wal
SELECT
    pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS written,
    a.archived_count::float8 AS archived, a.failed_count::float8 AS failed, a.last_archived_time AS archived_at,
    a.last_failed_time AS failed_at, coalesce(a.last_failed_wal, '') AS failed_wal,
    current_setting('archive_mode') AS archive_mode,
    pg_size_bytes(current_setting('max_wal_size'))::float8 AS max_wal
FROM pg_stat_archiver AS a;

-- name: checkpoints
SELECT checkpoints_timed::float8 AS timed, checkpoints_req::float8 AS requested,
       checkpoint_write_time::float8 AS write_ms, checkpoint_sync_time::float8 AS sync_ms,
       buffers_checkpoint::float8 AS buffers, stats_reset AS since
FROM pg_stat_bgwriter;

-- name: checkpoints_17
SELECT num_timed::float8 AS timed, num_requested::float8 AS requested, write_time::float8 AS write_ms,
       sync_time::float8 AS sync_ms, buffers_written::float8 AS buffers, stats_reset AS since
FROM pg_stat_checkpointer;
