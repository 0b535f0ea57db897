-- name: services
-- Every service of the window: totals, and requests by step for its sparkline, in one pass.
SELECT
    service,
    bucket_at AS bucket,
    grouping(bucket_at) AS whole,
    sum(requests) AS requests,
    sum(failures) AS failures,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(duration) AS quantiles
FROM
(
    SELECT service, toUnixTimestamp(toStartOfInterval(minute, toIntervalSecond({step:UInt32}))) AS bucket_at,
           requests, failures, duration
    FROM requests_by_minute
    WHERE project = {project:String} AND NOT synthetic
      AND minute >= toDateTime({since:Int64}, 'UTC') AND minute < toDateTime({until:Int64}, 'UTC')
)
GROUP BY GROUPING SETS ((service), (service, bucket_at))
ORDER BY service, whole DESC, bucket;

-- name: routes
-- The routes of a service; `busy_ms` is an estimate of the time spent in each (median times count).
SELECT
    method, route,
    sum(requests) AS requests, sum(failures) AS failures,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(duration) AS quantiles,
    requests * quantiles[1] AS busy_ms
FROM requests_by_minute
WHERE project = {project:String} AND service = {service:String} AND NOT synthetic
  AND minute >= toDateTime({since:Int64}, 'UTC') AND minute < toDateTime({until:Int64}, 'UTC')
GROUP BY method, route
ORDER BY busy_ms DESC
LIMIT 100;

-- name: service_chart
SELECT
    toUnixTimestamp(toStartOfInterval(minute, toIntervalSecond({step:UInt32}))) AS bucket,
    sum(requests) AS total, sum(failures) AS failed,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(duration) AS quantiles
FROM requests_by_minute
WHERE project = {project:String} AND service = {service:String} AND NOT synthetic
  AND ({route:String} = '' OR route = {route:String})
  AND minute >= toDateTime({since:Int64}, 'UTC') AND minute < toDateTime({until:Int64}, 'UTC')
GROUP BY bucket
ORDER BY bucket;

-- name: traces
-- Root or server spans that match, slowest or newest first.
SELECT
    trace_id, span_id, service, name, http_route, http_method, http_status, toString(status) AS status,
    duration_ns, toUnixTimestamp64Nano(time) AS time_ns, user_id, synthetic
FROM spans
WHERE project = {project:String}
  AND time >= fromUnixTimestamp64Nano({since:Int64}) AND time < fromUnixTimestamp64Nano({until:Int64})
  AND ({service:String} = '' OR service = {service:String})
  AND ({route:String} = '' OR http_route = {route:String} OR name = {route:String})
  AND kind IN ('server', 'consumer')
  AND duration_ns >= {shortest_ns:UInt64}
  AND (NOT {errors_only:Bool} OR status = 'error' OR http_status >= 500)
ORDER BY if({slowest:Bool}, duration_ns, 0) DESC, time DESC
LIMIT {limit:UInt32};

-- name: recent_errors
SELECT fingerprint, any(type) AS type, argMax(message, time) AS message, count() AS events, max(time) AS last
FROM errors
WHERE project = {project:String} AND service = {service:String} AND NOT synthetic
  AND time >= fromUnixTimestamp64Nano({since:Int64}) AND time < fromUnixTimestamp64Nano({until:Int64})
GROUP BY fingerprint
ORDER BY last DESC
LIMIT 8;

-- name: trace_time
SELECT toUnixTimestamp64Nano(min(began)) AS began_ns, toUnixTimestamp64Nano(max(ended)) AS ended_ns, count() AS known
FROM trace_times
WHERE project = {project:String} AND trace_id = {trace_id:String};

-- name: trace_spans
SELECT
    span_id, parent_span_id, service, name, toString(kind) AS kind, toString(status) AS status,
    toUnixTimestamp64Nano(time) AS start_ns, duration_ns
FROM spans
WHERE project = {project:String} AND trace_id = {trace_id:String}
  AND time >= fromUnixTimestamp64Nano({since:Int64}) AND time <= fromUnixTimestamp64Nano({until:Int64})
ORDER BY time
LIMIT {limit:UInt32};

-- name: span
SELECT
    span_id, parent_span_id, service, name, toString(kind) AS kind, toString(status) AS status, status_message,
    toUnixTimestamp64Nano(time) AS start_ns, duration_ns, environment, release, synthetic, user_id, scope,
    attributes, resource, events, links
FROM spans
WHERE project = {project:String} AND trace_id = {trace_id:String} AND span_id = {span_id:String}
  AND time >= fromUnixTimestamp64Nano({since:Int64}) AND time <= fromUnixTimestamp64Nano({until:Int64})
LIMIT 1;

-- name: trace_logs
SELECT toUnixTimestamp64Nano(time) AS time_ns, service, severity_number, severity_text,
       substringUTF8(body, 1, 1000) AS body, event_name, span_id
FROM logs
WHERE project = {project:String} AND trace_id = {trace_id:String}
  AND time >= fromUnixTimestamp64Nano({since:Int64}) AND time <= fromUnixTimestamp64Nano({until:Int64})
ORDER BY time
LIMIT 200;

-- name: trace_errors
SELECT fingerprint, event_id, type, message, culprit, time, service
FROM errors
WHERE project = {project:String} AND trace_id = {trace_id:String}
  AND time >= fromUnixTimestamp64Nano({since:Int64}) AND time <= fromUnixTimestamp64Nano({until:Int64})
ORDER BY time
LIMIT 50;

-- name: hours
-- The last hour and the same hour a week ago, over all services.
SELECT
    sumIf(requests, minute >= toDateTime({now:Int64}, 'UTC') - INTERVAL 1 HOUR) AS requests_now,
    sumIf(requests, minute < toDateTime({now:Int64}, 'UTC') - INTERVAL 1 DAY) AS requests_then,
    quantilesTDigestMergeIf(0.5, 0.95, 0.99)(duration, minute >= toDateTime({now:Int64}, 'UTC') - INTERVAL 1 HOUR) AS quantiles_now,
    quantilesTDigestMergeIf(0.5, 0.95, 0.99)(duration, minute < toDateTime({now:Int64}, 'UTC') - INTERVAL 1 DAY) AS quantiles_then
FROM requests_by_minute
WHERE project = {project:String} AND NOT synthetic
  AND ((minute >= toDateTime({now:Int64}, 'UTC') - INTERVAL 1 HOUR AND minute <= toDateTime({now:Int64}, 'UTC'))
    OR (minute >= toDateTime({now:Int64}, 'UTC') - INTERVAL 169 HOUR
        AND minute < toDateTime({now:Int64}, 'UTC') - INTERVAL 168 HOUR));
