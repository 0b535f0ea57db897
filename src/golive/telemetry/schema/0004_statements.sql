-- What each statement of a watched database did between two looks: the trend of slow queries by day and by release.

CREATE TABLE IF NOT EXISTS statement_intervals
(
    project      LowCardinality(String),
    environment  LowCardinality(String),
    release      LowCardinality(String),
    synthetic    Bool,
    received_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time         DateTime('UTC') CODEC(Delta, ZSTD(1)),
    seconds      Float32,
    query_id     LowCardinality(String),
    role         LowCardinality(String),
    calls        Float64 CODEC(ZSTD(1)),
    total_ms     Float64 CODEC(ZSTD(1)),
    row_count    Float64 CODEC(ZSTD(1)),
    hit          Float64 CODEC(ZSTD(1)),
    read         Float64 CODEC(ZSTD(1)),
    temp         Float64 CODEC(ZSTD(1)),
    wal          Float64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (project, query_id, time)
TTL time + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;
