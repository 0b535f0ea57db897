"""Connections to somebody's database: short, with few rights, never waiting long for a lock.

with session(url) as connection:
    rows = connection.execute("SELECT ...").fetchall()      # dicts
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row

from golive.postgres.trouble import DatabaseRefuses, DatabaseTrouble, NotConfigured, explain

Connection = psycopg.Connection[DictRow]
Statement = sql.SQL | sql.Composed

STATEMENT_TIMEOUT = timedelta(seconds=10)
LOCK_TIMEOUT = timedelta(milliseconds=200)
CONNECT_SECONDS = 5
OLDEST = 13
UNREADABLE = "an address that cannot be read"


@contextmanager
def session(
    url: str,
    *,
    statement_timeout: timedelta = STATEMENT_TIMEOUT,
    lock_timeout: timedelta = LOCK_TIMEOUT,
    read_only: bool = True,
    autocommit: bool = True,
    application: str = "golive",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Connection]:
    """A connection that closes itself. Errors of the driver leave it as DatabaseTrouble, in a sentence.

    A zero timeout means none: only for work that may take long, such as building an index on a clone.
    """
    where = place(url)
    if where == UNREADABLE:  # the driver's own words would quote it, password and all
        raise NotConfigured(
            "The database's address cannot be read; it looks like postgresql://role:password@host:5432/name, with "
            "special characters of the password written as %40 and the like."
        )
    try:
        connection = _connect(url, statement_timeout, lock_timeout, read_only, application, settings or {})
    except psycopg.Error as error:
        raise explain(error, where) from error
    try:
        with connection:
            refuse_old(connection.info.server_version, where)
            _reach_extensions(connection)
            connection.autocommit = autocommit
            yield connection
    except DatabaseTrouble:
        raise
    except psycopg.Error as error:
        raise explain(error, where) from error


def _connect(
    url: str,
    statement_timeout: timedelta,
    lock_timeout: timedelta,
    read_only: bool,
    application: str,
    settings: Mapping[str, str],
) -> Connection:
    parameters = {
        "statement_timeout": _milliseconds(statement_timeout),
        "lock_timeout": _milliseconds(lock_timeout),
        "idle_in_transaction_session_timeout": "60000",
        "default_transaction_read_only": "on" if read_only else "off",
        **settings,
    }
    options = " ".join(f"-c {name}={_escaped(value)}" for name, value in parameters.items())
    return psycopg.connect(
        url,
        autocommit=True,
        row_factory=dict_row,
        connect_timeout=CONNECT_SECONDS,
        application_name=application,
        options=options,
        prepare_threshold=None,
    )


def refuse_old(version: int, where: str) -> None:
    """Raises DatabaseRefuses for a server whose version number, such as 120022, is older than what golive knows."""
    if version < OLDEST * 10000:
        raise DatabaseRefuses(
            f"The database at {where} is PostgreSQL {version // 10000}, which its makers no longer mend; golive knows "
            f"{OLDEST} and newer. Upgrade it first (pg_upgrade, or your provider's button)."
        )


def _reach_extensions(connection: Connection) -> None:
    """Extensions in a schema of their own, as some providers keep them, are called by their bare names too."""
    found = one(
        connection,
        "SELECT string_agg(DISTINCT quote_ident(n.nspname), ', ') AS names FROM pg_catalog.pg_extension AS e "
        "JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace "
        "WHERE e.extname IN ('pg_stat_statements', 'hypopg', 'pgstattuple') "
        "AND n.nspname <> ALL (current_schemas(true))",
    )
    if found["names"]:
        connection.execute(
            "SELECT set_config('search_path', "
            "concat_ws(', ', nullif(current_setting('search_path'), ''), %s::text), false)",
            [found["names"]],
        )


def rows(
    connection: Connection, statement: str | bytes | Statement, parameters: Mapping[str, Any] | None = None
) -> list[DictRow]:
    """All rows of a query, as dicts."""
    return connection.execute(statement, parameters).fetchall()


def one(
    connection: Connection, statement: str | bytes | Statement, parameters: Mapping[str, Any] | None = None
) -> DictRow:
    """The first row of a query; an empty dict without any."""
    return connection.execute(statement, parameters).fetchone() or {}


def sees_others(connection: Connection) -> bool:
    """Whether this role is told what other roles' sessions and statements are: what pg_monitor brings."""
    return bool(one(connection, "SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS it")["it"])


def needs_statements(connection: Connection) -> None:
    """Raises DatabaseRefuses where the extension pg_stat_statements is missing or hides what others ask."""
    if not one(connection, "SELECT 1 AS it FROM pg_extension WHERE extname = 'pg_stat_statements'"):
        raise DatabaseRefuses("This needs pg_stat_statements; `golive db connect` prints how to add it.")
    if not sees_others(connection):
        raise DatabaseRefuses(
            f"The statements of other roles are hidden from {connection.info.user}, so nothing can be said of the "
            "load: grant it pg_monitor (`golive db connect` prints the statement)."
        )


def _milliseconds(length: timedelta) -> str:
    return str(round(length.total_seconds() * 1000))


def _escaped(value: str) -> str:
    """A value inside libpq's `options`, where blanks separate."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def place(url: str) -> str:
    """Host, port and database of a connection string, without user or password."""
    try:
        parts: dict[str, Any] = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        return UNREADABLE
    host, port = parts.get("host") or "localhost", parts.get("port") or 5432
    return f"{host}:{port}/{parts.get('dbname') or parts.get('user') or ''}"


def version_of(connection: psycopg.Connection[Any]) -> int:
    """The server's major version."""
    return connection.info.server_version // 10000
