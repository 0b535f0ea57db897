"""What the application does that transaction mode breaks, asked of the server."""

from golive.postgres.pool.breaks import Break, breaks, held
from golive.postgres.session import Connection, needs_statements, rows


def habits(connection: Connection) -> tuple[list[Break], int]:
    """What was found, and in how many statements. Raises DatabaseTrouble without pg_stat_statements."""
    needs_statements(connection)
    statements = rows(
        connection,
        "SELECT s.query, s.calls::float8 AS calls, r.rolname FROM pg_stat_statements AS s "
        "JOIN pg_roles AS r ON r.oid = s.userid JOIN pg_database AS d ON d.oid = s.dbid "
        "WHERE d.datname = current_database() AND s.query NOT LIKE '<insufficient privilege>%'",
    )
    locks = rows(
        connection,
        "SELECT a.application_name AS application, a.usename AS role, count(*) AS locks FROM pg_locks AS l "
        "JOIN pg_stat_activity AS a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND a.state = 'idle' "
        "GROUP BY 1, 2",
    )
    return [*held(locks), *breaks((row["query"], row["calls"], row["rolname"]) for row in statements)], len(statements)
