"""Asked of the servers: what could move to replicas, and how each replica sees itself."""

from golive.postgres.replicas.movable import Movable, movable
from golive.postgres.session import Connection, needs_statements, one, place, rows, session
from golive.postgres.trouble import DatabaseTrouble


def measured(connection: Connection) -> Movable:
    """The share of the load that plain reads are. Raises DatabaseTrouble without pg_stat_statements."""
    needs_statements(connection)
    return movable(
        (row["query"], row["total_ms"])
        for row in rows(
            connection,
            "SELECT s.query, s.total_exec_time::float8 AS total_ms FROM pg_stat_statements AS s "
            "JOIN pg_database AS d ON d.oid = s.dbid WHERE d.datname = current_database()",
        )
    )


def itself(url: str) -> dict[str, object]:
    """A replica's own word on whether it is one and follows."""
    try:
        with session(url) as connection:
            found = one(
                connection,
                "SELECT pg_is_in_recovery() AS standby, (SELECT count(*) FROM pg_stat_wal_receiver) > 0 AS connected",
            )
    except DatabaseTrouble as error:
        return {"place": place(url), "state": str(error), "ok": False}
    if not found["standby"]:
        return {"place": place(url), "state": "no replica: it was promoted and takes writes of its own", "ok": False}
    state = "streams from its primary" if found["connected"] else "not connected to its primary"
    return {"place": place(url), "state": state, "ok": bool(found["connected"])}
