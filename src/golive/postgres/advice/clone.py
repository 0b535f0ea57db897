"""A scratch copy of a database on which advice is proved: made from it as a template, dropped at the end.

The template copy carries the statistics along. It is refused while others are connected, so it is made from a
restored backup or a staging copy, never from a production that people use.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from golive.postgres.session import Connection, session
from golive.postgres.trouble import DatabaseTrouble

PREFIX = "golive_scratch_"
FOREVER = timedelta()


@contextmanager
def scratch(url: str) -> Iterator[str]:
    """The URL of a copy that is ours alone. Raises DatabaseTrouble when it cannot be made."""
    source = str(conninfo_to_dict(url).get("dbname") or conninfo_to_dict(url).get("user") or "")
    name = PREFIX + secrets.token_hex(6)
    with _server(url) as connection:
        try:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
            )
        except psycopg.errors.ObjectInUse as error:
            raise DatabaseTrouble(
                f"{source} cannot be copied while others are connected to it. Name a restored backup or a staging "
                "copy that nobody uses as [database.advice] clone."
            ) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseTrouble(
                f"The role of [database.advice] clone may not copy {source}: it must own it and have CREATEDB."
            ) from error
    try:
        yield make_conninfo(url, dbname=name)
    finally:
        with _server(url) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def sweep(url: str) -> list[str]:
    """Drop scratch copies that a killed run left behind; a run in progress holds a connection and is spared."""
    dropped = []
    with _server(url) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_catalog.pg_database d WHERE datname LIKE 'golive\\_scratch\\_%' AND NOT EXISTS "
            "(SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)"
        ).fetchall()
        for row in found:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(row["datname"])))
            dropped.append(row["datname"])
    return dropped


@contextmanager
def _server(url: str) -> Iterator[Connection]:
    """The server's own database: nobody may be connected to the one that is copied, we neither."""
    home = make_conninfo(url, dbname="postgres")
    with session(home, statement_timeout=FOREVER, lock_timeout=FOREVER, read_only=False) as connection:
        yield connection
