-- What the product said of itself while it was under load; golive's own traffic is just what is meant here.

-- The fullest of each pool's instances: one that is full holds its requests up, however idle the others are.
-- name: pools
WITH
    if(attributes['db.client.connection.pool.name'] != '', attributes['db.client.connection.pool.name'], attributes['pool.name']) AS pool,
    if(attributes['db.client.connection.state'] != '', attributes['db.client.connection.state'], attributes['state']) AS state
SELECT
    pool,
    concat(resource['service.instance.id'], ' ', resource['host.name'], ' ', resource['process.pid']) AS instance,
    maxIf(value, name IN ('db.client.connections.usage', 'db.client.connection.count') AND state = 'used') AS used,
    maxIf(value, name IN ('db.client.connections.max', 'db.client.connection.max')) AS most
FROM metrics
WHERE project = {project:String}
    AND ({environment:String} = '' OR environment = {environment:String})
    AND name IN ('db.client.connections.usage', 'db.client.connection.count', 'db.client.connections.max', 'db.client.connection.max')
    AND time >= fromUnixTimestamp64Milli({since_ms:Int64})
    AND time <= fromUnixTimestamp64Milli({until_ms:Int64})
GROUP BY pool, instance
HAVING most > 0
ORDER BY used / most DESC
LIMIT 1 BY pool
LIMIT 200;

-- name: errors
SELECT concat(type, ': ', message) AS said, count() AS events
FROM errors
WHERE project = {project:String}
    AND ({environment:String} = '' OR environment = {environment:String})
    AND time >= fromUnixTimestamp64Milli({since_ms:Int64})
    AND time <= fromUnixTimestamp64Milli({until_ms:Int64})
GROUP BY said
ORDER BY events DESC
LIMIT 20;

-- name: logs
SELECT body AS said, count() AS events
FROM logs
WHERE project = {project:String}
    AND ({environment:String} = '' OR environment = {environment:String})
    AND severity_number >= 17
    AND time >= fromUnixTimestamp64Milli({since_ms:Int64})
    AND time <= fromUnixTimestamp64Milli({until_ms:Int64})
GROUP BY said
ORDER BY events DESC
LIMIT 20;
