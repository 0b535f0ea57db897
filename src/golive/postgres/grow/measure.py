"""Gathering the numbers: samples taken now, the store's past, the last snapshots."""

import time
from datetime import datetime, timedelta

from psycopg import errors

from golive.postgres.choice import url_of
from golive.postgres.grow.model import Measured
from golive.postgres.look import history
from golive.postgres.look.collectors.statements import grown
from golive.postgres.look.machine import machine_of
from golive.postgres.models import Database
from golive.postgres.replicas.movable import may_move
from golive.postgres.session import one, rows, session, version_of
from golive.telemetry.store import StoreError

LEAST_PAGES = 5000  # fewer are mostly golive's own look at a cold catalog
SAMPLE = """
SELECT count(*) FILTER (WHERE wait_event_type IS NULL)::int AS running,
       count(*) FILTER (WHERE wait_event_type = 'IO')::int AS io,
       count(*) FILTER (WHERE wait_event_type = 'Lock')::int AS lock,
       count(*) FILTER (WHERE wait_event_type NOT IN ('IO', 'Lock', 'Client'))::int AS other,
       (SELECT count(*)::float8 FROM pg_stat_activity WHERE backend_type = 'client backend')
           / greatest(current_setting('max_connections')::int
                      - current_setting('superuser_reserved_connections')::int, 1)
           AS connections
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()
"""
HITS = "SELECT sum(blks_hit)::float8 AS hit, sum(blks_read)::float8 AS read FROM pg_stat_database"
SIZES = """
SELECT c.oid::regclass::text AS name, pg_total_relation_size(c.oid)::float8 AS bytes,
       pg_database_size(current_database())::float8 AS total
FROM pg_class AS c WHERE c.relkind IN ('r', 'm')
  AND NOT EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = c.oid)
ORDER BY c.relpages DESC LIMIT 1
"""
COUNTERS = """
SELECT s.queryid::text AS query_id, ''::text AS role, s.calls::float8 AS calls, s.total_exec_time::float8 AS total_ms,
       s.rows::float8 AS row_count, 0::float8 AS hit, 0::float8 AS read, 0::float8 AS temp, 0::float8 AS wal,
       s.query AS text
FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid
WHERE d.datname = current_database() AND s.toplevel ORDER BY s.total_exec_time DESC LIMIT 1000
"""

COUNTERS_13 = COUNTERS.replace("AND s.toplevel ", "")


def measure(database: Database, length: timedelta, now: datetime) -> Measured:
    """Watch for a while and put the past beside it. Raises DatabaseTrouble."""
    url = url_of(database)
    count, sums, peak = 0, {"running": 0, "io": 0, "lock": 0, "other": 0}, 0.0
    with session(url, application="golive grow") as connection:
        extensions = {row["extname"] for row in rows(connection, "SELECT extname FROM pg_extension")}
        counted = "pg_stat_statements" in extensions
        counters = COUNTERS if version_of(connection) >= 14 else COUNTERS_13
        try:
            before = rows(connection, counters) if counted else []
        except (errors.ObjectNotInPrerequisiteState, errors.UndefinedTable):  # not loaded, or closed to this role
            counted, before = False, []
        hits = one(connection, HITS)
        end = time.monotonic() + length.total_seconds()
        while count < 20 or time.monotonic() < end:
            found = one(connection, SAMPLE)
            count += 1
            peak = max(peak, found["connections"])
            for name in sums:
                sums[name] += found[name]
            time.sleep(0.1)
        after = rows(connection, counters) if counted else []
        hit_now, size = one(connection, HITS), one(connection, SIZES)
    done = grown(after, before, truncated=False) or after
    total = sum(row["total_ms"] for row in done)
    top = max(done, key=lambda row: row["total_ms"], default=None)
    hit, read = hit_now["hit"] - hits["hit"], hit_now["read"] - hits["read"]
    return Measured(
        samples=count,
        cores=machine_of(database, url).cores,
        running=sums["running"] / count,
        waiting_io=sums["io"] / count,
        waiting_lock=sums["lock"] / count,
        waiting_other=sums["other"] / count,
        connections_share=max(peak, _peak(database, now)),
        cache_hit=hit / (hit + read) if hit + read > LEAST_PAGES else None,
        top_share=top["total_ms"] / total if top and total else None,
        top_text=" ".join(top["text"].split()) if top else "",
        movable_share=sum(row["total_ms"] for row in done if may_move(row["text"])) / total if total else None,
        largest_share=size["bytes"] / size["total"] if size else None,
        largest=size.get("name", ""),
    )


def _peak(database: Database, now: datetime) -> float:
    """The highest share of connections in the past week, as far as the store knows."""
    try:
        _, values = history.over_time(database, "connections.share", now - timedelta(days=7), now, timedelta(hours=1))
    except StoreError:
        return 0.0
    return max((value for value in values if value is not None), default=0.0)
