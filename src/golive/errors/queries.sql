-- name: seen
-- What error groups were received since an instant, by release: for registering them and for regressions.
SELECT
    project, fingerprint, release,
    argMax(type, time) AS type, argMax(message, time) AS message, argMax(culprit, time) AS culprit,
    argMax(service, time) AS service, argMax(environment, time) AS environment,
    count() AS events, min(time) AS first, max(time) AS last
FROM errors
WHERE received_at >= fromUnixTimestamp64Milli({since_ms:Int64})
  AND time >= fromUnixTimestamp64Milli({since_ms:Int64}) - INTERVAL 1 DAY
  AND NOT synthetic
GROUP BY project, fingerprint, release
ORDER BY last
LIMIT 5000;

-- name: groups
-- The groups of a window: how often, how many people, since when; and their trend in `buckets` steps.
SELECT
    fingerprint,
    argMax(e.type, time) AS type, argMax(e.message, time) AS message, argMax(e.culprit, time) AS culprit,
    argMax(e.service, time) AS service, argMax(e.release, time) AS release, argMax(e.level, time) AS level,
    count() AS events, uniqExactIf(user_id, user_id != '') AS people, countIf(NOT handled) AS unhandled,
    min(time) AS first, max(time) AS last,
    sumMap([toUInt32(intDiv(toUnixTimestamp(time) - {since:Int64}, {step:UInt32}))], [1]) AS trend
FROM errors AS e
WHERE project = {project:String} AND NOT synthetic
  AND time >= fromUnixTimestamp64Milli({since:Int64} * 1000) AND time < fromUnixTimestamp64Milli({until:Int64} * 1000)
  AND ({service:String} = '' OR e.service = {service:String})
  AND ({environment:String} = '' OR e.environment = {environment:String})
  AND ({text:String} = '' OR positionCaseInsensitiveUTF8(concat(e.type, ' ', e.message, ' ', e.culprit), {text:String}) > 0)
GROUP BY fingerprint
ORDER BY last DESC
LIMIT 1000;

-- name: group_total
SELECT count() AS events, uniqExactIf(user_id, user_id != '') AS people, min(time) AS first, max(time) AS last,
       argMin(release, time) AS first_release, argMax(release, time) AS last_release,
       argMax(type, time) AS type, argMax(message, time) AS message, argMax(culprit, time) AS culprit,
       argMax(service, time) AS service, argMax(environment, time) AS environment,
       groupUniqArray(100)(release) AS releases
FROM errors
WHERE project = {project:String} AND fingerprint = {fingerprint:String};

-- name: occurrences
SELECT toUnixTimestamp(toStartOfInterval(time, toIntervalSecond({step:UInt32}))) AS bucket, count() AS events
FROM errors
WHERE project = {project:String} AND fingerprint = {fingerprint:String} AND NOT synthetic
  AND time >= fromUnixTimestamp64Milli({since:Int64} * 1000) AND time < fromUnixTimestamp64Milli({until:Int64} * 1000)
GROUP BY bucket
ORDER BY bucket;

-- name: tag_values
-- The most frequent values of each tag of a group.
SELECT tag.1 AS name, topK(5)(tag.2) AS best, count() AS events, uniqExact(tag.2) AS different
FROM
(
    SELECT arrayJoin(arrayConcat(
        arrayMap((k, v) -> (toString(k), v), mapKeys(tags), mapValues(tags)),
        [('release', toString(release)), ('environment', toString(environment))])) AS tag
    FROM errors
    WHERE project = {project:String} AND fingerprint = {fingerprint:String}
    ORDER BY time DESC
    LIMIT 2000
)
WHERE tag.2 != ''
GROUP BY name
ORDER BY events DESC, name
LIMIT 20;

-- name: events
SELECT event_id, time, release, environment, user_id, trace_id, span_id, transaction, message, service, handled
FROM errors
WHERE project = {project:String} AND fingerprint = {fingerprint:String}
  AND time <= fromUnixTimestamp64Milli({until_ms:Int64})
ORDER BY time DESC
LIMIT {limit:UInt32};

-- name: event
SELECT event_id, time, release, environment, user_id, trace_id, span_id, transaction, type, message, culprit,
       service, level, handled, platform, sdk, tags, payload
FROM errors
WHERE project = {project:String} AND fingerprint = {fingerprint:String}
  AND ({event_id:String} = '' OR event_id = {event_id:String})
ORDER BY time DESC
LIMIT 1;
