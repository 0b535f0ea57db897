-- What the store knows about checks. A result of kind "fault" was golive's own trouble: neither up nor down.

-- name: segments
SELECT
    check_name,
    toUInt32(intDiv(toUnixTimestamp(time) - {since:UInt32}, {step:UInt32})) AS segment,
    countIf(kind != 'fault' AND ok) AS up,
    countIf(kind != 'fault' AND NOT ok) AS down,
    countIf(kind = 'fault') AS faults,
    round(avgIf(latency_ms, kind != 'fault' AND ok), 1) AS latency_ms
FROM check_results
WHERE project = {project:String}
    AND ({name:String} = '' OR check_name = {name:String})
    AND time >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND time < toDateTime64({until:UInt32}, 3, 'UTC')
GROUP BY check_name, segment
ORDER BY check_name, segment;

-- name: uptime
SELECT
    check_name,
    countIf(time >= now() - INTERVAL 1 DAY AND ok) AS up_24h,
    countIf(time >= now() - INTERVAL 1 DAY) AS known_24h,
    countIf(time >= now() - INTERVAL 7 DAY AND ok) AS up_7d,
    countIf(time >= now() - INTERVAL 7 DAY) AS known_7d,
    countIf(ok) AS up_90d,
    count() AS known_90d,
    argMaxIf(latency_ms, time, http_status != 0 OR ok) AS last_ms
FROM check_results
WHERE project = {project:String}
    AND kind != 'fault'
    AND time >= now() - INTERVAL 90 DAY
GROUP BY check_name;

-- name: latency
SELECT
    toUInt32(intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32}) AS at,
    quantile(0.5)(latency_ms) AS p50,
    quantile(0.95)(latency_ms) AS p95,
    avg(dns_ms) AS dns,
    avg(connect_ms) AS connect,
    avg(tls_ms) AS tls,
    avg(first_byte_ms) AS first_byte
FROM check_results
WHERE project = {project:String}
    AND check_name = {name:String}
    AND kind != 'fault'
    AND (http_status != 0 OR ok)
    AND time >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND time < toDateTime64({until:UInt32}, 3, 'UTC')
GROUP BY at
ORDER BY at;

-- name: results
SELECT
    time, region, kind, ok, reason, http_status, latency_ms, dns_ms, connect_ms, tls_ms, first_byte_ms, trace_id
FROM check_results
WHERE project = {project:String}
    AND check_name = {name:String}
    AND time >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND time < toDateTime64({until:UInt32}, 3, 'UTC')
    AND ({failures:UInt8} = 0 OR NOT ok)
ORDER BY time DESC
LIMIT {most:UInt32};
