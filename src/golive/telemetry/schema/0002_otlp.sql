-- The way in for OTLP. A row of an `otlp_*` table is one export request as the client sent it, decoded by the engine
-- (telemetry/proto/otlp.proto); nothing is stored there. Views unfold it into rows of `*_arriving`, which stores nothing
-- either, and from there into every table that wants them: each request is unfolded once.
-- The receiver has seen to it that times are sane, ids have their lengths and nested values are JSON text.

CREATE TABLE IF NOT EXISTS otlp_logs
(
    golive_project      String,
    golive_received_ms  UInt64,
    golive_marker       String,
    resource_logs Array(Tuple(
        resource Tuple(attributes Array(Tuple(key String, value Tuple(
            string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
            value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))),
        scope_logs Array(Tuple(
            scope Tuple(name String),
            log_records Array(Tuple(
                time_unix_nano UInt64, observed_time_unix_nano UInt64, severity_number Int32, severity_text String,
                body Tuple(
                    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                    value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7)),
                attributes Array(Tuple(key String, value Tuple(
                    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                    value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7)))),
                trace_id String, span_id String, event_name String))))))
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS logs_arriving
(
    project          LowCardinality(String),
    environment      LowCardinality(String),
    release          LowCardinality(String),
    synthetic        Bool,
    received_at      DateTime64(3, 'UTC'),
    time             DateTime64(9, 'UTC'),
    service          LowCardinality(String),
    severity_number  UInt8,
    severity_text    LowCardinality(String),
    body             String,
    event_name       LowCardinality(String),
    trace_id         String,
    span_id          String,
    scope            LowCardinality(String),
    attributes       Map(LowCardinality(String), String),
    resource         Map(LowCardinality(String), String)
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_logs_unfold TO logs_arriving AS
SELECT
    project,
    environment,
    release,
    (marker != '' AND startsWith(record.trace_id, marker)) OR has(record.attributes.key, 'user_agent.synthetic.type') AS synthetic,
    received_at,
    fromUnixTimestamp64Nano(toInt64(record.time_unix_nano)) AS time,
    service,
    toUInt8(multiIf(
        record.severity_number BETWEEN 1 AND 24, record.severity_number,
        record.severity_text = '', 0,
        transform(upper(record.severity_text),
            ['TRACE', 'DEBUG', 'INFO', 'INFORMATION', 'NOTICE', 'WARN', 'WARNING', 'ERROR', 'CRITICAL', 'FATAL', 'ALERT', 'EMERGENCY'],
            [1, 5, 9, 9, 10, 13, 13, 17, 21, 21, 21, 21], 0))) AS severity_number,
    if(record.severity_text != '' OR record.severity_number NOT BETWEEN 1 AND 24, record.severity_text,
        ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'][intDiv(record.severity_number - 1, 4) + 1]) AS severity_text,
    multiIf(
        record.body.value = 'string_value', record.body.string_value,
        record.body.value = 'int_value', toString(record.body.int_value),
        record.body.value = 'double_value', toString(record.body.double_value),
        record.body.value = 'bool_value', toString(record.body.bool_value),
        base64Encode(record.body.bytes_value)) AS body,
    if(record.event_name != '', record.event_name, texts[indexOf(record.attributes.key, 'event.name')]) AS event_name,
    lower(hex(record.trace_id)) AS trace_id,
    lower(hex(record.span_id)) AS span_id,
    scope,
    mapFromArrays(record.attributes.key, texts) AS attributes,
    resource
FROM
(
    SELECT
        project, environment, release, received_at, service, marker, scope, resource, record,
        arrayMap((kind, s, i, d, b, y) -> multiIf(
            kind = 'string_value', s,
            kind = 'int_value', toString(i),
            kind = 'double_value', toString(d),
            kind = 'bool_value', toString(b),
            base64Encode(y)),
            record.attributes.value.value, record.attributes.value.string_value, record.attributes.value.int_value,
            record.attributes.value.double_value, record.attributes.value.bool_value, record.attributes.value.bytes_value) AS texts
    FROM
    (
        SELECT
            project, environment, release, received_at, service, marker, resource,
            scope_logs.scope.name AS scope,
            arrayJoin(scope_logs.log_records) AS record
        FROM
        (
            SELECT
                project, received_at, marker, resource,
                multiIf(resource['deployment.environment.name'] != '', resource['deployment.environment.name'],
                    resource['deployment.environment'] != '', resource['deployment.environment'], 'production') AS environment,
                resource['service.version'] AS release,
                resource['service.name'] AS service,
                arrayJoin(scopes) AS scope_logs
            FROM
            (
                SELECT
                    golive_project AS project,
                    fromUnixTimestamp64Milli(toInt64(golive_received_ms)) AS received_at,
                    golive_marker AS marker,
                    arrayJoin(resource_logs) AS one,
                    one.scope_logs AS scopes,
                    mapFromArrays(one.resource.attributes.key, arrayMap((kind, s, i, d, b, y) -> multiIf(
                        kind = 'string_value', s,
                        kind = 'int_value', toString(i),
                        kind = 'double_value', toString(d),
                        kind = 'bool_value', toString(b),
                        base64Encode(y)),
                        one.resource.attributes.value.value, one.resource.attributes.value.string_value, one.resource.attributes.value.int_value,
                        one.resource.attributes.value.double_value, one.resource.attributes.value.bool_value, one.resource.attributes.value.bytes_value)) AS resource
                FROM otlp_logs
            )
        )
    )
);

CREATE MATERIALIZED VIEW IF NOT EXISTS logs_arriving_keep TO logs AS
SELECT * FROM logs_arriving;

CREATE MATERIALIZED VIEW IF NOT EXISTS logs_arriving_events TO events AS
SELECT
    project, environment, release, synthetic, received_at, time, service,
    event_name AS name,
    if(attributes['user.id'] != '', attributes['user.id'], attributes['enduser.id']) AS user_id,
    attributes['account.id'] AS account_id,
    toInt64OrZero(attributes['amount_minor']) AS amount_minor,
    attributes['currency'] AS currency,
    trace_id,
    attributes
FROM logs_arriving
WHERE event_name != '';

CREATE TABLE IF NOT EXISTS otlp_traces
(
    golive_project      String,
    golive_received_ms  UInt64,
    golive_marker       String,
    resource_spans Array(Tuple(
        resource Tuple(attributes Array(Tuple(key String, value Tuple(
            string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
            value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))),
        scope_spans Array(Tuple(
            scope Tuple(name String),
            spans Array(Tuple(
                trace_id String, span_id String, parent_span_id String, name String, kind Int32,
                start_time_unix_nano UInt64, end_time_unix_nano UInt64,
                attributes Array(Tuple(key String, value Tuple(
                    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                    value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7)))),
                events Array(Tuple(time_unix_nano UInt64, name String,
                    attributes Array(Tuple(key String, value Tuple(
                        string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                        value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7)))))),
                links Array(Tuple(trace_id String, span_id String)),
                status Tuple(message String, code Int32)))))))
)
ENGINE = Null;

-- The rollups' `duration` is in milliseconds. A failure has status error, or answered 500 and above.
CREATE TABLE IF NOT EXISTS spans_arriving
(
    project          LowCardinality(String),
    environment      LowCardinality(String),
    release          LowCardinality(String),
    synthetic        Bool,
    received_at      DateTime64(3, 'UTC'),
    time             DateTime64(9, 'UTC'),
    duration_ns      UInt64,
    service          LowCardinality(String),
    name             LowCardinality(String),
    kind             Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5),
    status           Enum8('unset' = 0, 'ok' = 1, 'error' = 2),
    status_message   String,
    trace_id         String,
    span_id          String,
    parent_span_id   String,
    http_method      LowCardinality(String),
    http_route       LowCardinality(String),
    http_status      UInt16,
    user_id          String,
    scope            LowCardinality(String),
    attributes       Map(LowCardinality(String), String),
    resource         Map(LowCardinality(String), String),
    events           Array(Tuple(time DateTime64(9, 'UTC'), name String, attributes Map(String, String))),
    links            Array(Tuple(trace_id String, span_id String))
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_traces_unfold TO spans_arriving AS
SELECT
    project,
    environment,
    release,
    (marker != '' AND startsWith(span.trace_id, marker)) OR has(span.attributes.key, 'user_agent.synthetic.type') AS synthetic,
    received_at,
    fromUnixTimestamp64Nano(toInt64(span.start_time_unix_nano)) AS time,
    if(span.end_time_unix_nano > span.start_time_unix_nano, span.end_time_unix_nano - span.start_time_unix_nano, 0) AS duration_ns,
    service,
    span.name AS name,
    CAST(if(span.kind BETWEEN 0 AND 5, span.kind, 0), 'Enum8(\'unspecified\' = 0, \'internal\' = 1, \'server\' = 2, \'client\' = 3, \'producer\' = 4, \'consumer\' = 5)') AS kind,
    CAST(if(span.status.code BETWEEN 0 AND 2, span.status.code, 0), 'Enum8(\'unset\' = 0, \'ok\' = 1, \'error\' = 2)') AS status,
    span.status.message AS status_message,
    lower(hex(span.trace_id)) AS trace_id,
    lower(hex(span.span_id)) AS span_id,
    lower(hex(span.parent_span_id)) AS parent_span_id,
    if(attributes['http.request.method'] != '', attributes['http.request.method'], attributes['http.method']) AS http_method,
    attributes['http.route'] AS http_route,
    toUInt16OrZero(if(attributes['http.response.status_code'] != '', attributes['http.response.status_code'], attributes['http.status_code'])) AS http_status,
    if(attributes['user.id'] != '', attributes['user.id'], attributes['enduser.id']) AS user_id,
    scope,
    mapFromArrays(span.attributes.key, arrayMap((kind, s, i, d, b, y) -> multiIf(
        kind = 'string_value', s,
        kind = 'int_value', toString(i),
        kind = 'double_value', toString(d),
        kind = 'bool_value', toString(b),
        base64Encode(y)),
        span.attributes.value.value, span.attributes.value.string_value, span.attributes.value.int_value,
        span.attributes.value.double_value, span.attributes.value.bool_value, span.attributes.value.bytes_value)) AS attributes,
    resource,
    arrayMap(e -> (fromUnixTimestamp64Nano(toInt64(least(e.time_unix_nano, 9223372036854775807))), e.name, mapFromArrays(e.attributes.key, arrayMap(v -> multiIf(
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', toString(v.bool_value),
        base64Encode(v.bytes_value)), e.attributes.value))), span.events) AS events,
    arrayMap(l -> (lower(hex(l.trace_id)), lower(hex(l.span_id))), span.links) AS links
FROM
(
    SELECT
        project, environment, release, received_at, service, marker, resource,
        scope_spans.scope.name AS scope,
        arrayJoin(scope_spans.spans) AS span
    FROM
    (
        SELECT
            project, received_at, marker, resource,
            multiIf(resource['deployment.environment.name'] != '', resource['deployment.environment.name'],
                resource['deployment.environment'] != '', resource['deployment.environment'], 'production') AS environment,
            resource['service.version'] AS release,
            resource['service.name'] AS service,
            arrayJoin(scopes) AS scope_spans
        FROM
        (
            SELECT
                golive_project AS project,
                fromUnixTimestamp64Milli(toInt64(golive_received_ms)) AS received_at,
                golive_marker AS marker,
                arrayJoin(resource_spans) AS one,
                one.scope_spans AS scopes,
                mapFromArrays(one.resource.attributes.key, arrayMap((kind, s, i, d, b, y) -> multiIf(
                    kind = 'string_value', s,
                    kind = 'int_value', toString(i),
                    kind = 'double_value', toString(d),
                    kind = 'bool_value', toString(b),
                    base64Encode(y)),
                    one.resource.attributes.value.value, one.resource.attributes.value.string_value, one.resource.attributes.value.int_value,
                    one.resource.attributes.value.double_value, one.resource.attributes.value.bool_value, one.resource.attributes.value.bytes_value)) AS resource
            FROM otlp_traces
        )
    )
);

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_arriving_keep TO spans AS
SELECT * FROM spans_arriving;

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_arriving_times TO trace_times AS
SELECT
    project, trace_id,
    min(time) AS began,
    max(time + toIntervalNanosecond(least(duration_ns, 86400000000000))) AS ended
FROM spans_arriving
GROUP BY project, trace_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_arriving_by_minute TO requests_by_minute AS
SELECT
    project, environment, release, synthetic, service,
    http_method AS method,
    http_route AS route,
    toStartOfMinute(toDateTime(time, 'UTC')) AS minute,
    count() AS requests,
    countIf(status = 'error' OR http_status >= 500) AS failures,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(duration_ns / 1e6)) AS duration
FROM spans_arriving
WHERE kind = 'server'
GROUP BY project, environment, release, synthetic, service, method, route, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_arriving_received TO requests_received AS
SELECT
    project, environment, release, synthetic, service,
    http_method AS method,
    http_route AS route,
    toStartOfInterval(toDateTime(received_at, 'UTC'), toIntervalSecond(10), 'UTC') AS received,
    count() AS requests,
    countIf(status = 'error' OR http_status >= 500) AS failures,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(duration_ns / 1e6)) AS duration
FROM spans_arriving
WHERE kind = 'server'
GROUP BY project, environment, release, synthetic, service, method, route, received;

CREATE TABLE IF NOT EXISTS otlp_metrics
(
    golive_project      String,
    golive_received_ms  UInt64,
    golive_marker       String,
    resource_metrics Array(Tuple(
        resource Tuple(attributes Array(Tuple(key String, value Tuple(
            string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
            value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))),
        scope_metrics Array(Tuple(
            scope Tuple(name String),
            metrics Array(Tuple(
                name String, unit String,
                gauge Tuple(data_points Array(Tuple(
                    time_unix_nano UInt64, as_double Float64, as_int Int64,
                    value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6),
                    attributes Array(Tuple(key String, value Tuple(
                        string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                        value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))))),
                sum Tuple(
                    aggregation_temporality Int32, is_monotonic Bool,
                    data_points Array(Tuple(
                        time_unix_nano UInt64, as_double Float64, as_int Int64,
                        value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6),
                        attributes Array(Tuple(key String, value Tuple(
                            string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                            value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))))),
                histogram Tuple(
                    aggregation_temporality Int32,
                    data_points Array(Tuple(
                        time_unix_nano UInt64, count UInt64, sum Float64, bucket_counts Array(UInt64), explicit_bounds Array(Float64),
                        attributes Array(Tuple(key String, value Tuple(
                            string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                            value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))))),
                exponential_histogram Tuple(
                    aggregation_temporality Int32,
                    data_points Array(Tuple(
                        time_unix_nano UInt64, count UInt64, sum Float64, scale Int32, zero_count UInt64,
                        positive Tuple(offset Int32, bucket_counts Array(UInt64)),
                        negative Tuple(offset Int32, bucket_counts Array(UInt64)),
                        attributes Array(Tuple(key String, value Tuple(
                            string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                            value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))))),
                summary Tuple(data_points Array(Tuple(
                    time_unix_nano UInt64, count UInt64, sum Float64,
                    quantile_values Array(Tuple(quantile Float64, value Float64)),
                    attributes Array(Tuple(key String, value Tuple(
                        string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                        value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7)))))))))))))
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS metrics_arriving
(
    project       LowCardinality(String),
    environment   LowCardinality(String),
    release       LowCardinality(String),
    received_at   DateTime64(3, 'UTC'),
    service       LowCardinality(String),
    resource      Map(LowCardinality(String), String),
    metric Tuple(
        name String, unit String,
        gauge Tuple(data_points Array(Tuple(
            time_unix_nano UInt64, as_double Float64, as_int Int64,
            value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6),
            attributes Array(Tuple(key String, value Tuple(
                string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))))),
        sum Tuple(
            aggregation_temporality Int32, is_monotonic Bool,
            data_points Array(Tuple(
                time_unix_nano UInt64, as_double Float64, as_int Int64,
                value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6),
                attributes Array(Tuple(key String, value Tuple(
                    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                    value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))))),
        histogram Tuple(
            aggregation_temporality Int32,
            data_points Array(Tuple(
                time_unix_nano UInt64, count UInt64, sum Float64, bucket_counts Array(UInt64), explicit_bounds Array(Float64),
                attributes Array(Tuple(key String, value Tuple(
                    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                    value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))))),
        exponential_histogram Tuple(
            aggregation_temporality Int32,
            data_points Array(Tuple(
                time_unix_nano UInt64, count UInt64, sum Float64, scale Int32, zero_count UInt64,
                positive Tuple(offset Int32, bucket_counts Array(UInt64)),
                negative Tuple(offset Int32, bucket_counts Array(UInt64)),
                attributes Array(Tuple(key String, value Tuple(
                    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                    value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))))),
        summary Tuple(data_points Array(Tuple(
            time_unix_nano UInt64, count UInt64, sum Float64,
            quantile_values Array(Tuple(quantile Float64, value Float64)),
            attributes Array(Tuple(key String, value Tuple(
                string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
                value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))))))
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_metrics_unfold TO metrics_arriving AS
SELECT
    project, environment, release, received_at, service, resource,
    arrayJoin(scope_metrics.metrics) AS metric
FROM
(
    SELECT
        project, received_at, marker, resource,
        multiIf(resource['deployment.environment.name'] != '', resource['deployment.environment.name'],
            resource['deployment.environment'] != '', resource['deployment.environment'], 'production') AS environment,
        resource['service.version'] AS release,
        resource['service.name'] AS service,
        arrayJoin(scopes) AS scope_metrics
    FROM
    (
        SELECT
            golive_project AS project,
            fromUnixTimestamp64Milli(toInt64(golive_received_ms)) AS received_at,
            golive_marker AS marker,
            arrayJoin(resource_metrics) AS one,
            one.scope_metrics AS scopes,
            mapFromArrays(one.resource.attributes.key, arrayMap((kind, s, i, d, b, y) -> multiIf(
                kind = 'string_value', s,
                kind = 'int_value', toString(i),
                kind = 'double_value', toString(d),
                kind = 'bool_value', toString(b),
                base64Encode(y)),
                one.resource.attributes.value.value, one.resource.attributes.value.string_value, one.resource.attributes.value.int_value,
                one.resource.attributes.value.double_value, one.resource.attributes.value.bool_value, one.resource.attributes.value.bytes_value)) AS resource
        FROM otlp_metrics
    )
);

CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_arriving_gauge TO metrics AS
SELECT
    project, environment, release,
    has(point.attributes.key, 'user_agent.synthetic.type') AS synthetic,
    received_at,
    fromUnixTimestamp64Nano(toInt64(point.time_unix_nano)) AS time,
    service,
    metric.name AS name,
    'gauge' AS type,
    metric.unit AS unit,
    false AS monotonic,
    false AS delta,
    if(point.value = 'as_int', toFloat64(point.as_int), point.as_double) AS value,
    toUInt64(0) AS count,
    0. AS sum,
    emptyArrayFloat64() AS bounds,
    emptyArrayUInt64() AS buckets,
    mapFromArrays(point.attributes.key, arrayMap((kind, s, i, d, b, y) -> multiIf(
        kind = 'string_value', s,
        kind = 'int_value', toString(i),
        kind = 'double_value', toString(d),
        kind = 'bool_value', toString(b),
        base64Encode(y)),
        point.attributes.value.value, point.attributes.value.string_value, point.attributes.value.int_value,
        point.attributes.value.double_value, point.attributes.value.bool_value, point.attributes.value.bytes_value)) AS attributes,
    resource
FROM
(
    SELECT project, environment, release, received_at, service, resource, metric, arrayJoin(metric.gauge.data_points) AS point
    FROM metrics_arriving
);

CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_arriving_sum TO metrics AS
SELECT
    project, environment, release,
    has(point.attributes.key, 'user_agent.synthetic.type') AS synthetic,
    received_at,
    fromUnixTimestamp64Nano(toInt64(point.time_unix_nano)) AS time,
    service,
    metric.name AS name,
    'sum' AS type,
    metric.unit AS unit,
    metric.sum.is_monotonic AS monotonic,
    metric.sum.aggregation_temporality = 1 AS delta,
    if(point.value = 'as_int', toFloat64(point.as_int), point.as_double) AS value,
    toUInt64(0) AS count,
    0. AS sum,
    emptyArrayFloat64() AS bounds,
    emptyArrayUInt64() AS buckets,
    mapFromArrays(point.attributes.key, arrayMap((kind, s, i, d, b, y) -> multiIf(
        kind = 'string_value', s,
        kind = 'int_value', toString(i),
        kind = 'double_value', toString(d),
        kind = 'bool_value', toString(b),
        base64Encode(y)),
        point.attributes.value.value, point.attributes.value.string_value, point.attributes.value.int_value,
        point.attributes.value.double_value, point.attributes.value.bool_value, point.attributes.value.bytes_value)) AS attributes,
    resource
FROM
(
    SELECT project, environment, release, received_at, service, resource, metric, arrayJoin(metric.sum.data_points) AS point
    FROM metrics_arriving
);

CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_arriving_histogram TO metrics AS
SELECT
    project, environment, release,
    has(point.attributes.key, 'user_agent.synthetic.type') AS synthetic,
    received_at,
    fromUnixTimestamp64Nano(toInt64(point.time_unix_nano)) AS time,
    service,
    metric.name AS name,
    'histogram' AS type,
    metric.unit AS unit,
    false AS monotonic,
    metric.histogram.aggregation_temporality = 1 AS delta,
    0. AS value,
    point.count AS count,
    point.sum AS sum,
    point.explicit_bounds AS bounds,
    point.bucket_counts AS buckets,
    mapFromArrays(point.attributes.key, arrayMap((kind, s, i, d, b, y) -> multiIf(
        kind = 'string_value', s,
        kind = 'int_value', toString(i),
        kind = 'double_value', toString(d),
        kind = 'bool_value', toString(b),
        base64Encode(y)),
        point.attributes.value.value, point.attributes.value.string_value, point.attributes.value.int_value,
        point.attributes.value.double_value, point.attributes.value.bool_value, point.attributes.value.bytes_value)) AS attributes,
    resource
FROM
(
    SELECT project, environment, release, received_at, service, resource, metric, arrayJoin(metric.histogram.data_points) AS point
    FROM metrics_arriving
);

-- Bucket i of the positive range reaches from base^(offset+i) to base^(offset+i+1), base = 2^(2^-scale); zero and negative values share the first bucket.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_arriving_exponential_histogram TO metrics AS
SELECT
    project, environment, release,
    has(point.attributes.key, 'user_agent.synthetic.type') AS synthetic,
    received_at,
    fromUnixTimestamp64Nano(toInt64(point.time_unix_nano)) AS time,
    service,
    metric.name AS name,
    'exponential_histogram' AS type,
    metric.unit AS unit,
    false AS monotonic,
    metric.exponential_histogram.aggregation_temporality = 1 AS delta,
    0. AS value,
    point.count AS count,
    point.sum AS sum,
    arrayMap(i -> exp2((point.positive.offset + toInt32(i)) * exp2(-point.scale)), range(length(point.positive.bucket_counts))) AS bounds,
    if(empty(point.positive.bucket_counts), emptyArrayUInt64(), arrayConcat([point.zero_count + arraySum(point.negative.bucket_counts)], point.positive.bucket_counts)) AS buckets,
    mapFromArrays(point.attributes.key, arrayMap((kind, s, i, d, b, y) -> multiIf(
        kind = 'string_value', s,
        kind = 'int_value', toString(i),
        kind = 'double_value', toString(d),
        kind = 'bool_value', toString(b),
        base64Encode(y)),
        point.attributes.value.value, point.attributes.value.string_value, point.attributes.value.int_value,
        point.attributes.value.double_value, point.attributes.value.bool_value, point.attributes.value.bytes_value)) AS attributes,
    resource
FROM
(
    SELECT project, environment, release, received_at, service, resource, metric, arrayJoin(metric.exponential_histogram.data_points) AS point
    FROM metrics_arriving
);

-- A summary's quantiles are kept as an attribute, [[quantile, value], …].
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics_arriving_summary TO metrics AS
SELECT
    project, environment, release,
    has(point.attributes.key, 'user_agent.synthetic.type') AS synthetic,
    received_at,
    fromUnixTimestamp64Nano(toInt64(point.time_unix_nano)) AS time,
    service,
    metric.name AS name,
    'summary' AS type,
    metric.unit AS unit,
    false AS monotonic,
    false AS delta,
    0. AS value,
    point.count AS count,
    point.sum AS sum,
    emptyArrayFloat64() AS bounds,
    emptyArrayUInt64() AS buckets,
    mapConcat(mapFromArrays(point.attributes.key, arrayMap((kind, s, i, d, b, y) -> multiIf(
        kind = 'string_value', s,
        kind = 'int_value', toString(i),
        kind = 'double_value', toString(d),
        kind = 'bool_value', toString(b),
        base64Encode(y)),
        point.attributes.value.value, point.attributes.value.string_value, point.attributes.value.int_value,
        point.attributes.value.double_value, point.attributes.value.bool_value, point.attributes.value.bytes_value)), map('golive.quantiles', toString(arrayMap(q -> [q.quantile, q.value], point.quantile_values)))) AS attributes,
    resource
FROM
(
    SELECT project, environment, release, received_at, service, resource, metric, arrayJoin(metric.summary.data_points) AS point
    FROM metrics_arriving
);
