-- name: daily
-- A measure's last value of each day.
SELECT max(time) AS at, argMax(value, time) AS value
FROM metrics
WHERE project = {project:String} AND name = {name:String} AND time >= fromUnixTimestamp64Milli({since_ms:Int64})
GROUP BY toDate(time)
ORDER BY at;

-- name: measure
-- A measure over time, the highest of each step.
SELECT toUnixTimestamp(toStartOfInterval(time, toIntervalSecond({step:UInt32}))) AS at, max(value) AS value
FROM metrics
WHERE project = {project:String} AND name = {name:String}
  AND time >= toDateTime({since:Int64}, 'UTC') AND time < toDateTime({until:Int64}, 'UTC')
GROUP BY at
ORDER BY at;

-- name: by_release
-- One statement by the release that ran, in the order of time.
SELECT release, min(time) AS since, sum(calls) AS calls, sum(total_ms) AS total_ms, sum(row_count) AS row_count,
       sum(read) + sum(hit) AS pages
FROM statement_intervals
WHERE project = {project:String} AND query_id = {query_id:String}
  AND time >= toDateTime({since:Int64}, 'UTC') AND time < toDateTime({until:Int64}, 'UTC')
GROUP BY release
ORDER BY since DESC
LIMIT 20;

-- name: by_day
-- One statement by day.
SELECT toDate(time) AS day, sum(calls) AS calls, sum(total_ms) AS total_ms, sum(row_count) AS row_count,
       sum(read) + sum(hit) AS pages
FROM statement_intervals
WHERE project = {project:String} AND query_id = {query_id:String}
  AND time >= toDateTime({since:Int64}, 'UTC') AND time < toDateTime({until:Int64}, 'UTC')
GROUP BY day
ORDER BY day DESC
LIMIT 31;

-- name: statement
-- One statement over time.
SELECT toUnixTimestamp(toStartOfInterval(time, toIntervalSecond({step:UInt32}))) AS at,
       sum(calls) AS calls, sum(total_ms) AS total_ms, sum(row_count) AS row_count
FROM statement_intervals
WHERE project = {project:String} AND query_id = {query_id:String}
  AND time >= toDateTime({since:Int64}, 'UTC') AND time < toDateTime({until:Int64}, 'UTC')
GROUP BY at
ORDER BY at;

-- name: intervals
-- The intervals of the costliest statements, for finding the deploy since which one is slower.
SELECT query_id, toUnixTimestamp(time) AS at, sum(calls) AS calls, sum(total_ms) AS total_ms
FROM statement_intervals
WHERE project = {project:String} AND query_id IN {ids:Array(String)}
  AND time >= toDateTime({since:Int64}, 'UTC') AND time < toDateTime({until:Int64}, 'UTC')
GROUP BY query_id, at
ORDER BY query_id, at;

-- name: totals
-- Each statement in a stretch of time.
SELECT query_id, sum(calls) AS calls, sum(total_ms) AS total_ms, sum(row_count) AS row_count, sum(hit) + sum(read) AS pages
FROM statement_intervals
WHERE project = {project:String} AND time >= toDateTime({since:Int64}, 'UTC') AND time < toDateTime({until:Int64}, 'UTC')
GROUP BY query_id
ORDER BY total_ms DESC
LIMIT 1000;
