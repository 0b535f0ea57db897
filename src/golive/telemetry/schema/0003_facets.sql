-- What values a project's logs have had, hour by hour: for the suggestions of the log search (`golive.logs`).
-- Keys are service, severity, environment and release. Attributes are not here: unfolding them cost a tenth of the
-- whole insert and their values (ids, for one) grow without bound; their facets are counted when asked.

CREATE TABLE IF NOT EXISTS log_facets
(
    project  LowCardinality(String),
    hour     DateTime('UTC'),
    key      LowCardinality(String),
    value    LowCardinality(String),
    count    SimpleAggregateFunction(sum, UInt64)
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(hour)
ORDER BY (project, key, value, hour)
TTL hour + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS logs_arriving_facets TO log_facets AS
SELECT
    project,
    toStartOfHour(toDateTime(time, 'UTC')) AS hour,
    facet.1 AS key,
    facet.2 AS value,
    count() AS count
FROM logs_arriving
ARRAY JOIN
    [
        ('service', toString(service)), ('severity', toString(severity_text)),
        ('environment', toString(environment)), ('release', toString(release))
    ] AS facet
WHERE facet.2 != ''
GROUP BY project, hour, key, value;
