-- Good and bad requests of an SLO by step. Errors alone come from the rollup; with a latency every span is looked at.

-- name: errors
SELECT
    toUInt32(intDiv(toUnixTimestamp(received), {step:UInt32}) * {step:UInt32}) AS at,
    toFloat64(sum(requests)) AS total,
    toFloat64(sum(failures)) AS bad
FROM requests_received
WHERE project = {project:String}
    AND environment = 'production'
    AND NOT synthetic
    AND ({service:String} = '' OR service = {service:String})
    AND ({route:String} = '' OR route LIKE {route:String})
    AND received >= toDateTime({since:UInt32}, 'UTC')
    AND received < toDateTime({until:UInt32}, 'UTC')
GROUP BY at
ORDER BY at;

-- name: latency
SELECT
    toUInt32(intDiv(toUnixTimestamp(received_at), {step:UInt32}) * {step:UInt32}) AS at,
    toFloat64(count()) AS total,
    toFloat64(countIf(status = 'error' OR http_status >= 500 OR duration_ns > {latency_ns:UInt64})) AS bad
FROM spans
WHERE project = {project:String}
    AND environment = 'production'
    AND kind = 'server'
    AND NOT synthetic
    AND ({service:String} = '' OR service = {service:String})
    AND ({route:String} = '' OR http_route LIKE {route:String})
    AND time >= toDateTime64({since:UInt32} - 3600, 9, 'UTC')
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND received_at < toDateTime64({until:UInt32}, 3, 'UTC')
GROUP BY at
ORDER BY at;
