-- What the six rules would have read at many instants: the questions of queries.sql, each row counted at every instant whose
-- window holds it.

-- name: requests
SELECT
    tick,
    environment,
    service,
    route,
    grouping(route) AS whole,
    sumIf(requests, in_fast) AS fast_requests,
    sumIf(failures, in_fast) AS fast_failures,
    quantilesTDigestMergeIf(0.5, 0.95, 0.99)(duration, in_fast)[2] AS fast_p95_ms,
    sum(requests) AS all_requests,
    sum(failures) AS all_failures,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(duration)[2] AS all_p95_ms
FROM
(
    SELECT
        arrayJoin(range(
            toUInt32(greatest(0, ceil((toUnixTimestamp(received) - {first:Float64}) / {step:Float64}))),
            toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp(received) - {first:Float64} + {window:Float64} + 10) / {step:Float64}))))
        )) AS tick,
        toUnixTimestamp(received) > {first:Float64} + tick * {step:Float64} - {fast:Float64} - 10 AS in_fast,
        environment,
        service,
        route,
        requests,
        failures,
        duration
    FROM requests_received
    WHERE project = {project:String}
        AND NOT synthetic
        AND received >= toDateTime(toUInt32({first:Float64} - {window:Float64} - 10), 'UTC')
        AND received <= toDateTime(toUInt32({until:Float64}), 'UTC')
)
GROUP BY GROUPING SETS ((tick, environment, service), (tick, environment, service, route))
LIMIT 500000;

-- name: pools
WITH
    if(attributes['db.client.connection.pool.name'] != '', attributes['db.client.connection.pool.name'], attributes['pool.name']) AS pool,
    if(attributes['db.client.connection.state'] != '', attributes['db.client.connection.state'], attributes['state']) AS state
SELECT
    arrayJoin(range(
        toUInt32(greatest(0, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64}) / {step:Float64}))),
        toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64} + {window:Float64}) / {step:Float64}))))
    )) AS tick,
    environment,
    service,
    pool,
    concat(resource['service.instance.id'], ' ', resource['host.name'], ' ', resource['process.pid']) AS instance,
    argMaxIf(value, time, name IN ('db.client.connections.usage', 'db.client.connection.count') AND state = 'used') AS used,
    argMaxIf(value, time, name IN ('db.client.connections.max', 'db.client.connection.max')) AS most,
    countIf(name IN ('db.client.connections.usage', 'db.client.connection.count') AND state = 'used') AS samples
FROM metrics
WHERE project = {project:String}
    AND name IN ('db.client.connections.usage', 'db.client.connection.count', 'db.client.connections.max', 'db.client.connection.max')
    AND NOT synthetic
    AND time >= toDateTime64({first:Float64} - {window:Float64} - 3600, 9, 'UTC')
    AND received_at > toDateTime64({first:Float64} - {window:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
GROUP BY tick, environment, service, pool, instance
HAVING samples > 0
LIMIT 500000;

-- name: disks
WITH
    if(attributes['system.filesystem.mountpoint'] != '', attributes['system.filesystem.mountpoint'], attributes['mountpoint']) AS mountpoint,
    if(attributes['system.filesystem.type'] != '', attributes['system.filesystem.type'], attributes['type']) AS kind
SELECT
    arrayJoin(range(
        toUInt32(greatest(0, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64}) / {step:Float64}))),
        toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64} + {window:Float64}) / {step:Float64}))))
    )) AS tick,
    environment,
    resource['host.name'] AS host,
    mountpoint,
    argMax(value, time) AS used
FROM metrics
WHERE project = {project:String}
    AND name = 'system.filesystem.utilization'
    AND kind NOT IN ('squashfs', 'iso9660', 'overlay')
    AND mountpoint != ''
    AND attributes['system.filesystem.state'] IN ('', 'used')
    AND time >= toDateTime64({first:Float64} - {window:Float64} - 3600, 9, 'UTC')
    AND received_at > toDateTime64({first:Float64} - {window:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
GROUP BY tick, environment, host, mountpoint
LIMIT 500000;

-- name: webhooks
SELECT
    arrayJoin(range(
        toUInt32(greatest(0, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64}) / {step:Float64}))),
        toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64} + {window:Float64}) / {step:Float64}))))
    )) AS tick,
    environment,
    service,
    count() AS requests,
    countIf(status = 'error' OR http_status >= 400) AS failures,
    groupUniqArrayIf(20)(toString(http_status), status = 'error' OR http_status >= 400) AS statuses
FROM spans
WHERE project = {project:String}
    AND http_route = {route:String}
    AND kind = 'server'
    AND NOT synthetic
    AND time >= toDateTime64({first:Float64} - {window:Float64} - 3600, 9, 'UTC')
    AND received_at > toDateTime64({first:Float64} - {window:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
GROUP BY tick, environment, service
LIMIT 500000;

-- name: first_event
SELECT count() AS events, min(received_at) AS first_at
FROM events
WHERE project = {project:String}
    AND NOT synthetic;

-- name: event_instants
SELECT DISTINCT toUnixTimestamp(received_at) AS at
FROM events
WHERE project = {project:String}
    AND name = {event:String}
    AND NOT synthetic
    AND received_at > toDateTime64({since:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
ORDER BY at
LIMIT 200000;
