-- name: overview
-- Counts by time and severity, and by each facet, in one pass over the matching lines.
SELECT
    multiIf(grouping(bucket) = 0, 'time', grouping(kept_service) = 0, 'service',
            grouping(kept_environment) = 0, 'environment', 'release') AS facet,
    bucket,
    level,
    multiIf(facet = 'service', kept_service, facet = 'environment', kept_environment, kept_release) AS value,
    count() AS lines
FROM
(
    SELECT
        toUnixTimestamp(toStartOfInterval(time, toIntervalSecond({step:UInt32}))) AS bucket,
        intDiv(severity_number + 3, 4) AS level,
        toString(service) AS kept_service,
        toString(environment) AS kept_environment,
        toString(release) AS kept_release
    FROM logs
    WHERE project = {project:String}
      AND time >= fromUnixTimestamp64Nano({since:Int64})
      AND time < fromUnixTimestamp64Nano({until:Int64})
      AND /*condition*/
)
GROUP BY GROUPING SETS ((bucket, level), (kept_service), (kept_environment), (kept_release));

-- name: lines
-- One page of lines, newest first. Lines of one instant are told apart by their order alone, hence the offset.
SELECT
    toUnixTimestamp64Nano(time) AS time_ns, toUnixTimestamp64Milli(received_at) AS received_ms,
    service, environment, release, severity_number, severity_text, body, event_name,
    trace_id, span_id, scope, attributes, resource, synthetic, cityHash64(body, span_id, service) AS hash
FROM logs
WHERE project = {project:String}
  AND time >= fromUnixTimestamp64Nano({since:Int64})
  AND time <= fromUnixTimestamp64Nano({until:Int64})
  AND /*condition*/
ORDER BY time DESC, cityHash64(body, span_id, service)
LIMIT {limit:UInt32} OFFSET {skip:UInt32};

-- name: brief
-- As `lines`, without what a page shows only on request: reading two maps costs more than all the rest.
SELECT
    toUnixTimestamp64Nano(time) AS time_ns, toUnixTimestamp64Milli(received_at) AS received_ms,
    service, environment, release, severity_number, severity_text, substringUTF8(body, 1, 1000) AS body, event_name,
    trace_id, span_id, scope, synthetic, cityHash64(logs.body, span_id, service) AS hash
FROM logs
WHERE project = {project:String}
  AND time >= fromUnixTimestamp64Nano({since:Int64})
  AND time <= fromUnixTimestamp64Nano({until:Int64})
  AND /*condition*/
ORDER BY time DESC, cityHash64(logs.body, span_id, service)
LIMIT {limit:UInt32} OFFSET {skip:UInt32};

-- name: one
-- A single line with all that is known of it.
SELECT
    toUnixTimestamp64Nano(time) AS time_ns, toUnixTimestamp64Milli(received_at) AS received_ms,
    service, environment, release, severity_number, severity_text, body, event_name,
    trace_id, span_id, scope, attributes, resource, synthetic, cityHash64(body, span_id, service) AS hash
FROM logs
WHERE project = {project:String}
  AND time = fromUnixTimestamp64Nano({time_ns:Int64})
  AND cityHash64(body, span_id, service) = {hash:UInt64}
LIMIT 1;

-- name: newest
-- Lines received after an instant, oldest first: what a follower has not seen.
SELECT
    toUnixTimestamp64Nano(time) AS time_ns, toUnixTimestamp64Milli(received_at) AS received_ms,
    service, environment, release, severity_number, severity_text, body, event_name,
    trace_id, span_id, scope, attributes, resource, synthetic, cityHash64(body, span_id, service) AS hash
FROM logs
WHERE project = {project:String}
  AND time >= fromUnixTimestamp64Nano({since:Int64})
  AND received_at > fromUnixTimestamp64Milli({after:Int64})
  AND /*condition*/
ORDER BY received_at, time
LIMIT {limit:UInt32};
