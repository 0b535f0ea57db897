-- name: totals
-- Requests and failures of the stretch, and of the same stretch a week before.
SELECT
    sumIf(requests, minute >= toDateTime({since:Int64}, 'UTC')) AS total,
    sumIf(failures, minute >= toDateTime({since:Int64}, 'UTC')) AS failed,
    sumIf(requests, minute < toDateTime({until:Int64}, 'UTC') - INTERVAL 7 DAY) AS total_then
FROM requests_by_minute
WHERE project = {project:String} AND NOT synthetic
  AND ({service:String} = '' OR service = {service:String})
  AND environment IN ('', {environment:String})
  AND ((minute >= toDateTime({since:Int64}, 'UTC') AND minute < toDateTime({until:Int64}, 'UTC'))
    OR (minute >= toDateTime({since:Int64}, 'UTC') - INTERVAL 7 DAY
        AND minute < toDateTime({until:Int64}, 'UTC') - INTERVAL 7 DAY));

-- name: routes
SELECT service, method, route, sum(requests) AS requests, sum(failures) AS failures
FROM requests_by_minute
WHERE project = {project:String} AND NOT synthetic
  AND ({service:String} = '' OR service = {service:String})
  AND environment IN ('', {environment:String})
  AND minute >= toDateTime({since:Int64}, 'UTC') AND minute < toDateTime({until:Int64}, 'UTC')
GROUP BY service, method, route
HAVING failures > 0
ORDER BY failures DESC
LIMIT 8;

-- name: customers
-- Those who met a failure, the hardest hit first; `hit` is how many there are in all.
SELECT user_id, count() AS failures, max(time) AS last, count() OVER () AS hit
FROM spans
WHERE project = {project:String} AND NOT synthetic AND kind = 'server' AND user_id != ''
  AND ({service:String} = '' OR service = {service:String})
  AND environment IN ('', {environment:String})
  AND (status = 'error' OR http_status >= 500)
  AND time >= toDateTime64({since:Int64}, 9, 'UTC') AND time < toDateTime64({until:Int64}, 9, 'UTC')
GROUP BY user_id
ORDER BY failures DESC, user_id
LIMIT {limit:UInt32};

-- name: money
-- What came in during the stretch, and during the same stretch of each of the four weeks before.
SELECT
    sumIf(amount_minor, time >= toDateTime64({since:Int64}, 3, 'UTC')) AS now,
    sumIf(amount_minor, time < toDateTime64({since:Int64}, 3, 'UTC')) AS before,
    uniqIf(intDiv({since:Int64} + 604799 - toUnixTimestamp(time), 604800), time < toDateTime64({since:Int64}, 3, 'UTC')) AS weeks
FROM events
WHERE project = {project:String} AND NOT synthetic AND name = {name:String}
  AND currency IN ('', {currency:String})
  AND arrayExists(
    week -> time >= toDateTime64({since:Int64} - week * 604800, 3, 'UTC')
        AND time < toDateTime64({until:Int64} - week * 604800, 3, 'UTC'),
    [0, 1, 2, 3, 4])
  AND time >= toDateTime64({since:Int64} - 4 * 604800, 3, 'UTC');

-- name: curve
SELECT
    toUnixTimestamp(toStartOfInterval(minute, toIntervalSecond({step:UInt32}))) AS bucket,
    sum(requests) AS total, sum(failures) AS failed,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(duration)[2] AS p95
FROM requests_by_minute
WHERE project = {project:String} AND NOT synthetic
  AND ({service:String} = '' OR service = {service:String})
  AND environment IN ('', {environment:String})
  AND minute >= toDateTime({since:Int64}, 'UTC') AND minute < toDateTime({until:Int64}, 'UTC')
GROUP BY bucket
ORDER BY bucket;
