-- The values of a query at many instants at once: the last one alone while a rule watches, thousands for a back-test.
-- A row counts at each instant whose window (instant - window, instant] holds its receive time. What stands in comments is
-- replaced by fragments of the compiled query; whatever a user wrote is a parameter.

-- name: logs
SELECT
    arrayJoin(range(
        toUInt32(greatest(0, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64}) / {step:Float64}))),
        toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64} + {window:Float64}) / {step:Float64}))))
    )) AS tick,
    [/*groups*/]::Array(String) AS series,
    toFloat64(/*value*/) AS value
FROM logs
WHERE project = {project:String}
    AND NOT synthetic
    AND time >= toDateTime64({first:Float64} - {window:Float64} - 3600, 9, 'UTC')
    AND received_at > toDateTime64({first:Float64} - {window:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
    AND (/*condition*/)
GROUP BY tick, series
LIMIT 500000;

-- name: requests
SELECT
    arrayJoin(range(
        toUInt32(greatest(0, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64}) / {step:Float64}))),
        toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64} + {window:Float64}) / {step:Float64}))))
    )) AS tick,
    [/*groups*/]::Array(String) AS series,
    toFloat64(/*value*/) AS value
FROM spans
WHERE project = {project:String}
    AND kind = 'server'
    AND NOT synthetic
    AND time >= toDateTime64({first:Float64} - {window:Float64} - 3600, 9, 'UTC')
    AND received_at > toDateTime64({first:Float64} - {window:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
    AND (/*condition*/)
GROUP BY tick, series
LIMIT 500000;

-- name: metric
SELECT
    arrayJoin(range(
        toUInt32(greatest(0, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64}) / {step:Float64}))),
        toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64} + {window:Float64}) / {step:Float64}))))
    )) AS tick,
    [/*groups*/]::Array(String) AS series,
    toFloat64(/*value*/) AS value
FROM metrics
WHERE project = {project:String}
    AND NOT synthetic
    AND time >= toDateTime64({first:Float64} - {window:Float64} - 3600, 9, 'UTC')
    AND received_at > toDateTime64({first:Float64} - {window:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
    AND (/*condition*/)
GROUP BY tick, series
LIMIT 500000;

-- name: increase
-- What counters grew by: cumulative ones by their positive differences (a restart begins at 0), delta ones by their sum.
SELECT tick, series, sum(grown) AS value
FROM
(
    SELECT
        arrayJoin(range(
            toUInt32(greatest(0, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64}) / {step:Float64}))),
            toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64} + {window:Float64}) / {step:Float64}))))
        )) AS tick,
        [/*groups*/]::Array(String) AS series,
        if(
            any(delta),
            sum(value),
            arraySum(change -> greatest(change, 0), arrayDifference(arrayMap(pair -> pair.2, arraySort(groupArray((time, value))))))
        ) AS grown
    FROM metrics
    WHERE project = {project:String}
        AND NOT synthetic
        AND time >= toDateTime64({first:Float64} - {window:Float64} - 3600, 9, 'UTC')
        AND received_at > toDateTime64({first:Float64} - {window:Float64}, 3, 'UTC')
        AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
        AND (/*condition*/)
    GROUP BY tick, series, service, attributes, resource
)
GROUP BY tick, series
LIMIT 500000;

-- name: event
SELECT
    arrayJoin(range(
        toUInt32(greatest(0, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64}) / {step:Float64}))),
        toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64} + {window:Float64}) / {step:Float64}))))
    )) AS tick,
    [/*groups*/]::Array(String) AS series,
    toFloat64(/*value*/) AS value
FROM events
WHERE project = {project:String}
    AND NOT synthetic
    AND time >= toDateTime64({first:Float64} - {window:Float64} - 3600, 9, 'UTC')
    AND received_at > toDateTime64({first:Float64} - {window:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
    AND (/*condition*/)
GROUP BY tick, series
LIMIT 500000;

-- name: errors
SELECT
    arrayJoin(range(
        toUInt32(greatest(0, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64}) / {step:Float64}))),
        toUInt32(greatest(0, least({count:Float64}, ceil((toUnixTimestamp64Milli(received_at) / 1000 - {first:Float64} + {window:Float64}) / {step:Float64}))))
    )) AS tick,
    [/*groups*/]::Array(String) AS series,
    toFloat64(/*value*/) AS value
FROM errors
WHERE project = {project:String}
    AND NOT synthetic
    AND time >= toDateTime64({first:Float64} - {window:Float64} - 3600, 3, 'UTC')
    AND received_at > toDateTime64({first:Float64} - {window:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
    AND (/*condition*/)
GROUP BY tick, series
LIMIT 500000;

-- name: arrived
-- Whether anything of this kind arrived at all, by bucket: without it a count of 0 would say that all is well.
SELECT DISTINCT toUInt32(intDiv(toUnixTimestamp(received_at) - toUInt32({since:Float64}), {step:UInt32})) AS bucket
FROM /*table*/
WHERE project = {project:String}
    AND NOT synthetic
    AND time >= toDateTime64({since:Float64} - 3600, 9, 'UTC')
    AND received_at > toDateTime64({since:Float64}, 3, 'UTC')
    AND received_at <= toDateTime64({until:Float64}, 3, 'UTC')
LIMIT 100000;
