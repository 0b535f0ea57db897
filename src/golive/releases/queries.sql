-- name: traffic
-- Server spans of two releases since some time, in all and by route; the new one only since the switch.
SELECT
    release,
    http_route AS route,
    grouping(http_route) AS whole,
    count() AS requests,
    countIf(status = 'error' OR http_status >= 500) AS failures,
    quantileTDigest(0.95)(duration_ns) / 1e6 AS p95_ms
FROM spans
WHERE project = {project:String} AND environment = {environment:String} AND kind = 'server' AND NOT synthetic
  AND release IN ({old:String}, {new:String}) AND release != ''
  AND time >= fromUnixTimestamp64Milli(if(release = {new:String}, {since_ms:Int64}, {before_ms:Int64}))
GROUP BY GROUPING SETS ((release), (release, http_route))
ORDER BY release, whole DESC;

-- name: new_errors
-- Errors of a release whose fingerprint was never received before it took requests.
SELECT fingerprint, any(type) AS type, any(message) AS message, count() AS events
FROM errors
WHERE project = {project:String} AND environment = {environment:String} AND release = {release:String}
  AND NOT synthetic AND time >= fromUnixTimestamp64Milli({since_ms:Int64})
  AND fingerprint NOT IN
  (
      SELECT fingerprint FROM errors
      WHERE project = {project:String} AND time < fromUnixTimestamp64Milli({since_ms:Int64})
  )
GROUP BY fingerprint
HAVING events >= {fewest:UInt32}
ORDER BY events DESC
LIMIT 10;
