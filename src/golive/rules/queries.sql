-- What the rules read. All windows are on receive time (our clock); golive's own traffic never counts.

-- name: requests
SELECT
    environment,
    service,
    route,
    grouping(route) AS whole,
    sumIf(requests, received >= toDateTime({fast:UInt32}, 'UTC')) AS fast_requests,
    sumIf(failures, received >= toDateTime({fast:UInt32}, 'UTC')) AS fast_failures,
    quantilesTDigestMergeIf(0.5, 0.95, 0.99)(duration, received >= toDateTime({fast:UInt32}, 'UTC'))[2] AS fast_p95_ms,
    sum(requests) AS all_requests,
    sum(failures) AS all_failures,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(duration)[2] AS all_p95_ms
FROM requests_received
WHERE project = {project:String}
    AND NOT synthetic
    AND received >= toDateTime({since:UInt32}, 'UTC')
    AND received <= toDateTime({until:UInt32}, 'UTC')
GROUP BY GROUPING SETS ((environment, service), (environment, service, route))
LIMIT 5000;

-- name: pools
WITH
    if(attributes['db.client.connection.pool.name'] != '', attributes['db.client.connection.pool.name'], attributes['pool.name']) AS pool,
    if(attributes['db.client.connection.state'] != '', attributes['db.client.connection.state'], attributes['state']) AS state
SELECT
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
    AND time >= toDateTime64({since:UInt32} - 3600, 9, 'UTC')
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND received_at <= toDateTime64({until:UInt32}, 3, 'UTC')
GROUP BY environment, service, pool, instance
HAVING samples > 0
LIMIT 2000;

-- name: disks
WITH
    if(attributes['system.filesystem.mountpoint'] != '', attributes['system.filesystem.mountpoint'], attributes['mountpoint']) AS mountpoint,
    if(attributes['system.filesystem.type'] != '', attributes['system.filesystem.type'], attributes['type']) AS kind
SELECT
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
    AND time >= toDateTime64({since:UInt32} - 3600, 9, 'UTC')
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND received_at <= toDateTime64({until:UInt32}, 3, 'UTC')
GROUP BY environment, host, mountpoint
LIMIT 2000;

-- name: webhooks
SELECT
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
    AND time >= toDateTime64({since:UInt32} - 3600, 9, 'UTC')
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND received_at <= toDateTime64({until:UInt32}, 3, 'UTC')
GROUP BY environment, service;

-- name: signups
SELECT count() AS signups
FROM events
WHERE project = {project:String}
    AND name = {event:String}
    AND NOT synthetic
    AND time >= toDateTime64({since:UInt32} - 3600, 9, 'UTC')
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND received_at <= toDateTime64({until:UInt32}, 3, 'UTC');

-- name: last_signup
SELECT
    count() AS events,
    min(received_at) AS first_at,
    countIf(name = {event:String}) AS signups,
    maxIf(received_at, name = {event:String}) AS last_at
FROM events
WHERE project = {project:String}
    AND NOT synthetic;

-- name: requests_history
SELECT
    toUInt32(toUnixTimestamp(toStartOfInterval(received, toIntervalSecond({step:UInt32}), 'UTC'))) AS at,
    sum(requests) AS all_requests,
    sum(failures) AS all_failures,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(duration)[2] AS all_p95_ms
FROM requests_received
WHERE project = {project:String}
    AND NOT synthetic
    AND received >= toDateTime({since:UInt32}, 'UTC')
    AND received < toDateTime({until:UInt32}, 'UTC')
GROUP BY at
ORDER BY at;

-- name: pools_history
WITH if(attributes['db.client.connection.state'] != '', attributes['db.client.connection.state'], attributes['state']) AS state
SELECT
    at,
    max(used / most) AS value
FROM
(
    SELECT
        toUInt32(toUnixTimestamp(toStartOfInterval(received_at, toIntervalSecond({step:UInt32}), 'UTC'))) AS at,
        service,
        concat(attributes['db.client.connection.pool.name'], attributes['pool.name']) AS pool,
        concat(resource['service.instance.id'], ' ', resource['host.name'], ' ', resource['process.pid']) AS instance,
        maxIf(value, name IN ('db.client.connections.usage', 'db.client.connection.count') AND state = 'used') AS used,
        maxIf(value, name IN ('db.client.connections.max', 'db.client.connection.max')) AS most
    FROM metrics
    WHERE project = {project:String}
        AND name IN ('db.client.connections.usage', 'db.client.connection.count', 'db.client.connections.max', 'db.client.connection.max')
        AND NOT synthetic
        AND time >= toDateTime64({since:UInt32} - 3600, 9, 'UTC')
        AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
        AND received_at < toDateTime64({until:UInt32}, 3, 'UTC')
    GROUP BY at, service, pool, instance
    HAVING most > 0
)
GROUP BY at
ORDER BY at;

-- name: disks_history
SELECT
    toUInt32(toUnixTimestamp(toStartOfInterval(received_at, toIntervalSecond({step:UInt32}), 'UTC'))) AS at,
    max(value) AS value
FROM metrics
WHERE project = {project:String}
    AND name = 'system.filesystem.utilization'
    AND NOT (attributes['type'] IN ('squashfs', 'iso9660', 'overlay'))
    AND attributes['system.filesystem.state'] IN ('', 'used')
    AND time >= toDateTime64({since:UInt32} - 3600, 9, 'UTC')
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND received_at < toDateTime64({until:UInt32}, 3, 'UTC')
GROUP BY at
ORDER BY at;

-- name: webhooks_history
SELECT
    toUInt32(toUnixTimestamp(toStartOfInterval(received_at, toIntervalSecond({step:UInt32}), 'UTC'))) AS at,
    countIf(status = 'error' OR http_status >= 400) AS value
FROM spans
WHERE project = {project:String}
    AND http_route = {route:String}
    AND kind = 'server'
    AND NOT synthetic
    AND time >= toDateTime64({since:UInt32} - 3600, 9, 'UTC')
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND received_at < toDateTime64({until:UInt32}, 3, 'UTC')
GROUP BY at
ORDER BY at;

-- name: signups_history
SELECT
    toUInt32(toUnixTimestamp(toStartOfInterval(received_at, toIntervalSecond({step:UInt32}), 'UTC'))) AS at,
    count() AS value
FROM events
WHERE project = {project:String}
    AND name = {event:String}
    AND NOT synthetic
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND received_at < toDateTime64({until:UInt32}, 3, 'UTC')
GROUP BY at
ORDER BY at;
