-- What requests did by the variant that they got: attributes of the server span, or of an event on it.

-- name: variants
WITH
    arrayFirst(event -> event.attributes['feature_flag.key'] = {flag:String}, events).attributes AS told,
    attributes['feature_flag.key'] = {flag:String} AS own,
    if(own, attributes, told) AS about
SELECT
    multiIf(
        about['feature_flag.result.variant'] != '', about['feature_flag.result.variant'],
        about['feature_flag.variant']
    ) AS variant,
    count() AS requests,
    countIf(status = 'error' OR http_status >= 500) AS failures,
    quantile(0.95)(duration_ns) / 1e6 AS p95_ms
FROM spans
WHERE project = {project:String}
    AND environment = {environment:String}
    AND kind = 'server'
    AND NOT synthetic
    AND time >= toDateTime64({since:UInt32} - 3600, 9, 'UTC')
    AND received_at >= toDateTime64({since:UInt32}, 3, 'UTC')
    AND received_at <= toDateTime64({until:UInt32}, 3, 'UTC')
    AND (own OR arrayExists(event -> event.attributes['feature_flag.key'] = {flag:String}, events))
GROUP BY variant
HAVING variant != ''
LIMIT 100;
