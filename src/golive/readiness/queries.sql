-- What readiness asks of the store.

-- name: routes_seen
SELECT
    method,
    route
FROM requests_by_minute
WHERE project = {project:String}
    AND minute >= now() - INTERVAL 7 DAY
    AND route != ''
GROUP BY method, route
HAVING sum(requests) > sum(failures);

-- name: recent_logs
SELECT
    body,
    attributes
FROM logs
WHERE project = {project:String}
    AND time >= now() - INTERVAL 1 DAY
ORDER BY time DESC
LIMIT {most:UInt32};

-- name: events_of
SELECT
    event_name,
    count() AS events
FROM logs
WHERE project = {project:String}
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND has({names:Array(String)}, event_name)
GROUP BY event_name;
