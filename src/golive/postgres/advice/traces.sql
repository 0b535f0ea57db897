-- name: repetitions
-- Statements that one request runs again and again, by the route that does it.
SELECT text, route, avg(times) AS per_request, count() AS requests
FROM
(
    SELECT
        trace_id,
        coalesce(nullIf(attributes['db.query.text'], ''), attributes['db.statement']) AS text,
        count() AS times
    FROM spans
    WHERE project = {project:String} AND NOT synthetic AND kind = 'client'
      AND time >= fromUnixTimestamp64Milli({since_ms:Int64}) AND text != ''
      AND coalesce(nullIf(attributes['db.system.name'], ''), attributes['db.system']) IN ('postgresql', 'postgres', '')
    GROUP BY trace_id, text
    HAVING times >= {least:UInt32}
) AS many
LEFT ANY JOIN
(
    SELECT trace_id, argMin(if(http_route = '', name, concat(http_method, ' ', http_route)), time) AS route
    FROM spans
    WHERE project = {project:String} AND kind IN ('server', 'consumer')
      AND time >= fromUnixTimestamp64Milli({since_ms:Int64})
    GROUP BY trace_id
) AS roots USING trace_id
GROUP BY text, route
HAVING requests >= {requests:UInt32}
ORDER BY requests * per_request DESC
LIMIT 200;
