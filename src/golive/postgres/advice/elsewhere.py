"""Who else needs an index: replicas, whose scans the primary does not count, and foreign keys."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from golive.postgres.session import Connection, session
from golive.postgres.trouble import DatabaseTrouble

_REPLICAS = "SELECT count(*) AS n FROM pg_catalog.pg_stat_replication WHERE state IN ('streaming', 'catchup')"
_SCANS = "SELECT indexrelname AS name, idx_scan AS scans FROM pg_catalog.pg_stat_user_indexes"
_KEYS = """
SELECT n.nspname AS schema, c.relname AS name, a.attname AS column
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.contype = 'f'
"""


@dataclass(frozen=True)
class Elsewhere:
    """What the primary's own statistics do not tell. `scans` None: not every replica could be asked."""

    replicas: int = 0
    scans: Mapping[str, int] | None = None
    foreign_keys: Sequence[tuple[str, str, str]] = ()  # (schema, table, first column)


def look(connection: Connection, replica_urls: Sequence[str]) -> Elsewhere:
    """Ask the primary who follows it, and each declared replica what it scanned."""
    row = connection.execute(_REPLICAS).fetchone()
    following = int(row["n"]) if row else 0
    keys = [(one["schema"], one["name"], one["column"]) for one in connection.execute(_KEYS)]
    scans = _scans(replica_urls) if following <= len(replica_urls) else None  # one not declared cannot be asked
    return Elsewhere(max(following, len(replica_urls)), scans, keys)


def _scans(urls: Sequence[str]) -> Mapping[str, int] | None:
    total: Counter[str] = Counter()
    for url in urls:
        try:
            with session(url) as replica:
                total.update({one["name"]: one["scans"] or 0 for one in replica.execute(_SCANS)})
        except DatabaseTrouble:
            return None
    return total


NOWHERE = Elsewhere()
