-- name: event_days
-- One kind of event: today, the same part of this weekday last week, the last 7 days; and whether any is known at all.
SELECT
    countIf(time >= fromUnixTimestamp64Milli({today:Int64})) AS today,
    countIf(time >= fromUnixTimestamp64Milli({today:Int64}) - INTERVAL 7 DAY
        AND time < fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 7 DAY) AS last_week,
    countIf(time >= fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 7 DAY) AS week,
    sumIf(amount_minor, time >= fromUnixTimestamp64Milli({today:Int64})) AS amount_today,
    sumIf(amount_minor, time >= fromUnixTimestamp64Milli({today:Int64}) - INTERVAL 7 DAY
        AND time < fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 7 DAY) AS amount_last_week,
    sumIf(amount_minor, time >= fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 7 DAY) AS amount_week,
    currency, count() AS known, min(time) AS first, max(time) AS last
FROM events
WHERE project = {project:String} AND name = {name:String} AND NOT synthetic
  AND time >= fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 35 DAY
  AND time < fromUnixTimestamp64Milli({now:Int64}) + INTERVAL 1 HOUR
GROUP BY currency;

-- name: event_steps
-- By step over a window, and over the same window `earlier` milliseconds before (0: that window alone).
SELECT toUnixTimestamp(toStartOfInterval(time, toIntervalSecond({step:UInt32}))) AS bucket,
       count() AS events, sumIf(amount_minor, currency = {currency:String} OR currency = '') AS amount
FROM events
WHERE project = {project:String} AND name = {name:String} AND NOT synthetic
  AND ((time >= fromUnixTimestamp64Milli({since:Int64}) AND time < fromUnixTimestamp64Milli({until:Int64}))
    OR (time >= fromUnixTimestamp64Milli({since:Int64} - {earlier:Int64})
        AND time < fromUnixTimestamp64Milli({until:Int64} - {earlier:Int64})))
GROUP BY bucket;

-- name: active
-- People seen in requests or events: in the last 5 minutes, the last 24 hours, and the same 24 hours last week.
SELECT
    uniqIf(person, at >= fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 5 MINUTE) AS lately,
    uniqIf(person, at >= fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 1 DAY) AS day,
    uniqIf(person, at < fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 7 DAY) AS last_week,
    count() AS known
FROM
(
    SELECT user_id AS person, time AS at FROM spans
    WHERE project = {project:String} AND kind = 'server' AND user_id != '' AND NOT synthetic
      AND ((time >= fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 1 DAY)
        OR (time >= fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 8 DAY
            AND time < fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 7 DAY))
    UNION ALL
    SELECT user_id AS person, time AS at FROM events
    WHERE project = {project:String} AND user_id != '' AND NOT synthetic
      AND ((time >= fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 1 DAY)
        OR (time >= fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 8 DAY
            AND time < fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 7 DAY))
);

-- name: active_steps
SELECT toUnixTimestamp(toStartOfInterval(at, toIntervalSecond({step:UInt32}))) AS bucket, uniq(person) AS people
FROM
(
    SELECT user_id AS person, time AS at FROM spans
    WHERE project = {project:String} AND kind = 'server' AND user_id != '' AND NOT synthetic
      AND ((time >= fromUnixTimestamp64Milli({since:Int64}) AND time < fromUnixTimestamp64Milli({until:Int64}))
        OR (time >= fromUnixTimestamp64Milli({since:Int64} - {earlier:Int64})
            AND time < fromUnixTimestamp64Milli({until:Int64} - {earlier:Int64})))
    UNION ALL
    SELECT user_id AS person, time AS at FROM events
    WHERE project = {project:String} AND user_id != '' AND NOT synthetic
      AND ((time >= fromUnixTimestamp64Milli({since:Int64}) AND time < fromUnixTimestamp64Milli({until:Int64}))
        OR (time >= fromUnixTimestamp64Milli({since:Int64} - {earlier:Int64})
            AND time < fromUnixTimestamp64Milli({until:Int64} - {earlier:Int64})))
)
GROUP BY bucket;

-- name: api_days
SELECT
    sumIf(requests, minute >= toDateTime({today:Int64}, 'UTC')) AS today,
    sumIf(requests, minute >= toDateTime({today:Int64}, 'UTC') - INTERVAL 7 DAY
        AND minute < toDateTime({now:Int64}, 'UTC') - INTERVAL 7 DAY) AS last_week,
    sumIf(requests, minute >= toDateTime({now:Int64}, 'UTC') - INTERVAL 5 MINUTE) AS lately,
    sumIf(requests, minute < toDateTime({now:Int64}, 'UTC') - INTERVAL 6 DAY) AS known_then,
    sum(requests) AS known
FROM requests_by_minute
WHERE project = {project:String} AND startsWith(route, {prefix:String}) AND NOT synthetic
  AND minute >= toDateTime({now:Int64}, 'UTC') - INTERVAL 9 DAY;

-- name: api_steps
SELECT toUnixTimestamp(toStartOfInterval(minute, toIntervalSecond({step:UInt32}))) AS bucket, sum(requests) AS calls
FROM requests_by_minute
WHERE project = {project:String} AND startsWith(route, {prefix:String}) AND NOT synthetic
  AND ((minute >= fromUnixTimestamp64Milli({since:Int64}) AND minute < fromUnixTimestamp64Milli({until:Int64}))
    OR (minute >= fromUnixTimestamp64Milli({since:Int64} - {earlier:Int64})
        AND minute < fromUnixTimestamp64Milli({until:Int64} - {earlier:Int64})))
GROUP BY bucket;

-- name: event_names
SELECT name, count() AS events, max(time) AS last
FROM events
WHERE project = {project:String} AND NOT synthetic
  AND time >= fromUnixTimestamp64Milli({since:Int64}) AND time < fromUnixTimestamp64Milli({until:Int64})
GROUP BY name
ORDER BY events DESC
LIMIT 100;

-- name: recent_events
SELECT name, time, service, user_id, account_id, amount_minor, currency, trace_id, environment
FROM events
WHERE project = {project:String} AND NOT synthetic
  AND ({name:String} = '' OR events.name = {name:String})
  AND time >= fromUnixTimestamp64Milli({since:Int64}) AND time < fromUnixTimestamp64Milli({until:Int64})
ORDER BY time DESC
LIMIT {limit:UInt32};
