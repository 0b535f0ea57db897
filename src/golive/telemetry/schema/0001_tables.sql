-- The tables of the telemetry store. Every row carries project, environment, release and synthetic.
-- `time` is when it happened at the sender (an absurd one is replaced by `received_at` and kept as an attribute);
-- `received_at` is our clock: rules window on it. Ids are lower-case hex. One statement ends with a semicolon and a blank line.

CREATE TABLE IF NOT EXISTS logs
(
    project          LowCardinality(String),
    environment      LowCardinality(String),
    release          LowCardinality(String),
    synthetic        Bool,
    received_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time             DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    service          LowCardinality(String),
    severity_number  UInt8,
    severity_text    LowCardinality(String),
    body             String CODEC(ZSTD(1)),
    event_name       LowCardinality(String),
    trace_id         String CODEC(ZSTD(1)),
    span_id          String CODEC(ZSTD(1)),
    scope            LowCardinality(String),
    attributes       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource         Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    INDEX body_words lower(body) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (project, toStartOfFiveMinutes(time), service, time)
TTL toDateTime(time) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS spans
(
    project          LowCardinality(String),
    environment      LowCardinality(String),
    release          LowCardinality(String),
    synthetic        Bool,
    received_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time             DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    duration_ns      UInt64 CODEC(T64, ZSTD(1)),
    service          LowCardinality(String),
    name             LowCardinality(String),
    kind             Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5),
    status           Enum8('unset' = 0, 'ok' = 1, 'error' = 2),
    status_message   String CODEC(ZSTD(1)),
    trace_id         String CODEC(ZSTD(1)),
    span_id          String CODEC(ZSTD(1)),
    parent_span_id   String CODEC(ZSTD(1)),
    http_method      LowCardinality(String),
    http_route       LowCardinality(String),
    http_status      UInt16,
    user_id          String CODEC(ZSTD(1)),
    scope            LowCardinality(String),
    attributes       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource         Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    events           Array(Tuple(time DateTime64(9, 'UTC'), name String, attributes Map(String, String))) CODEC(ZSTD(1)),
    links            Array(Tuple(trace_id String, span_id String)) CODEC(ZSTD(1)),
    INDEX trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (project, service, name, time)
TTL toDateTime(time) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

-- Where in time a trace lies, so that opening one never scans all days.
CREATE TABLE IF NOT EXISTS trace_times
(
    project   LowCardinality(String),
    trace_id  String,
    began     SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    ended     SimpleAggregateFunction(max, DateTime64(9, 'UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(began)
ORDER BY (project, trace_id)
TTL toDateTime(began) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

-- Server spans per minute of their own time: what the service page draws.
CREATE TABLE IF NOT EXISTS requests_by_minute
(
    project      LowCardinality(String),
    environment  LowCardinality(String),
    release      LowCardinality(String),
    synthetic    Bool,
    service      LowCardinality(String),
    method       LowCardinality(String),
    route        LowCardinality(String),
    minute       DateTime('UTC'),
    requests     SimpleAggregateFunction(sum, UInt64),
    failures     SimpleAggregateFunction(sum, UInt64),
    duration     AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32)
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(minute)
ORDER BY (project, service, minute, route, method, environment, release, synthetic)
TTL minute + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

-- Server spans per ten seconds of receive time: what rules window on.
CREATE TABLE IF NOT EXISTS requests_received
(
    project      LowCardinality(String),
    environment  LowCardinality(String),
    release      LowCardinality(String),
    synthetic    Bool,
    service      LowCardinality(String),
    method       LowCardinality(String),
    route        LowCardinality(String),
    received     DateTime('UTC'),
    requests     SimpleAggregateFunction(sum, UInt64),
    failures     SimpleAggregateFunction(sum, UInt64),
    duration     AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32)
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(received)
ORDER BY (project, received, service, route, method, environment, release, synthetic)
TTL received + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

-- One row per data point. Sums and gauges fill `value`; histograms fill count, sum, bounds and buckets.
CREATE TABLE IF NOT EXISTS metrics
(
    project      LowCardinality(String),
    environment  LowCardinality(String),
    release      LowCardinality(String),
    synthetic    Bool,
    received_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time         DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    service      LowCardinality(String),
    name         LowCardinality(String),
    type         Enum8('gauge' = 1, 'sum' = 2, 'histogram' = 3, 'exponential_histogram' = 4, 'summary' = 5),
    unit         LowCardinality(String),
    monotonic    Bool,
    delta        Bool,
    value        Float64 CODEC(Gorilla, ZSTD(1)),
    count        UInt64,
    sum          Float64,
    bounds       Array(Float64),
    buckets      Array(UInt64),
    attributes   Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource     Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (project, name, service, time)
TTL toDateTime(time) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

-- One row per error event (Sentry envelopes). `fingerprint` is the group's stable hex id.
CREATE TABLE IF NOT EXISTS errors
(
    project      LowCardinality(String),
    environment  LowCardinality(String),
    release      LowCardinality(String),
    synthetic    Bool,
    received_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    service      LowCardinality(String),
    event_id     String,
    fingerprint  String,
    level        LowCardinality(String),
    type         LowCardinality(String),
    message      String CODEC(ZSTD(1)),
    culprit      String CODEC(ZSTD(1)),
    transaction  LowCardinality(String),
    handled      Bool,
    trace_id     String,
    span_id      String,
    user_id      String,
    platform     LowCardinality(String),
    sdk          LowCardinality(String),
    tags         Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    payload      String CODEC(ZSTD(3)),
    INDEX event event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (project, fingerprint, time)
TTL toDateTime(time) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

-- One row per probe of one check from one region.
CREATE TABLE IF NOT EXISTS check_results
(
    project      LowCardinality(String),
    environment  LowCardinality(String),
    release      LowCardinality(String),
    synthetic    Bool DEFAULT true,
    received_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    check_name   LowCardinality(String),
    kind         LowCardinality(String),
    region       LowCardinality(String),
    ok           Bool,
    reason       String CODEC(ZSTD(1)),
    http_status  UInt16,
    latency_ms   Float32,
    dns_ms       Float32,
    connect_ms   Float32,
    tls_ms       Float32,
    first_byte_ms Float32,
    trace_id     String
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (project, check_name, time)
TTL toDateTime(time) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

-- Business events: OpenTelemetry log records that carry an event name.
CREATE TABLE IF NOT EXISTS events
(
    project      LowCardinality(String),
    environment  LowCardinality(String),
    release      LowCardinality(String),
    synthetic    Bool,
    received_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time         DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    service      LowCardinality(String),
    name         LowCardinality(String),
    user_id      String,
    account_id   String,
    amount_minor Int64,
    currency     LowCardinality(String),
    trace_id     String,
    attributes   Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (project, name, time)
TTL toDateTime(time) + INTERVAL 800 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;
