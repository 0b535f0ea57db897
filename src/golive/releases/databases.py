"""Databases for rehearsals and previews, beside the one they are made from. PostgreSQL only."""

import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

BOOKKEEPING = ("alembic_version", "django_migrations", "schema_migrations", "_prisma_migrations", "knex_migrations")
SCHEMA_SECONDS = 120.0
DATA_SECONDS = 3600.0  # each way, of a whole database


class DatabaseError(Exception):
    """A database could not be made or read; the message never shows a password."""


def plain(url: str) -> str:
    """The URL as libpq reads it: drivers add their name to the scheme (postgresql+psycopg)."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.partition("+")[0]))


def named(url: str, database: str) -> str:
    """The same server and user, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def name_of(url: str) -> str:
    """The database that a URL means."""
    return str(psycopg.conninfo.conninfo_to_dict(plain(url)).get("dbname", ""))


@contextmanager
def schema_copy(url: str, server: str | None = None) -> Iterator[str]:
    """The URL of a new database with the schema of `url` and its record of migrations, dropped at the end.

    It is made beside the one it is copied from, or on another server, whose user then owns it.
    """
    name = f"golive_rehearsal_{secrets.token_hex(4)}"
    place = url if server is None else server
    try:
        _create(plain(place), name)
        try:
            _pour(plain(url), named(plain(place), name))
            yield named(place, name)
        finally:
            drop(place, name)
    except psycopg.Error as error:
        raise DatabaseError(_said(error)) from None


def copy(source: str, server: str, name: str, *, data: bool) -> str:
    """Make `name` on `server` a copy of `source`, or of its schema and record of migrations; its URL."""
    try:
        _create(plain(server), name)
        into = named(plain(server), name)
        try:
            if data:
                _dump(plain(source), into, [], DATA_SECONDS)
            else:
                _pour(plain(source), into)
        except BaseException:
            drop(server, name)
            raise
    except psycopg.Error as error:
        raise DatabaseError(_said(error)) from None
    return named(server, name)


def replace(server: str, draft: str, name: str) -> None:
    """Let a database of ours take the place of `name`, which is removed."""
    try:
        with psycopg.connect(named(plain(server), "postgres"), autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(statement.format(sql.Identifier(draft), sql.Identifier(name)))
    except psycopg.Error as error:
        raise DatabaseError(_said(error)) from None


def clone(url: str, template: str, name: str) -> str:
    """Make the database `name` as a clone of `template` on the server of `url`; its URL. Kept when it is there."""
    try:
        if name not in _names(plain(url)):
            _create(plain(url), name, template)
    except psycopg.Error as error:
        raise DatabaseError(_said(error)) from None
    return named(url, name)


def drop(url: str, name: str) -> None:
    """Remove a database of ours, whoever is connected to it."""
    if not re.fullmatch(r"golive_[a-z0-9_]+", name):
        raise DatabaseError(f"{name} is not a database that golive made.")
    with psycopg.connect(named(plain(url), "postgres"), autocommit=True, connect_timeout=10) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _names(url: str) -> list[str]:
    with psycopg.connect(url, connect_timeout=10) as connection:
        return [row[0] for row in connection.execute("SELECT datname FROM pg_database")]


def _create(url: str, name: str, template: str = "template0") -> None:
    with psycopg.connect(named(url, "postgres"), autocommit=True, connect_timeout=10) as connection:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def _pour(source: str, into: str) -> None:
    with psycopg.connect(source, connect_timeout=10) as connection:
        rows = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE tablename = ANY(%s)", [list(BOOKKEEPING)]
        ).fetchall()
    _dump(source, into, ["--schema-only"])
    if rows:
        _dump(source, into, ["--data-only", *(word for (name,) in rows for word in ("--table", name))])


def _dump(source: str, into: str, options: list[str], seconds: float = SCHEMA_SECONDS) -> None:
    dump, load = program("pg_dump"), program("psql")
    with tempfile.TemporaryFile() as file:  # a whole database may be larger than the memory
        # The URLs go by the environment: a command line can be read by everybody on the machine.
        _ended([dump, "--no-owner", "--no-privileges", *options], source, seconds, stdout=file)
        file.seek(0)
        _ended([load, "-X", "-q", "-v", "ON_ERROR_STOP=1"], into, seconds, stdin=file)


def _ended(words: list[str], url: str, seconds: float, **streams: IO[bytes]) -> None:
    wanted: dict[str, Any] = {"stdout": subprocess.DEVNULL, **streams}
    name = Path(words[0]).name
    try:
        done = subprocess.run(words, env=_libpq(url), stderr=subprocess.PIPE, check=False, timeout=seconds, **wanted)
    except subprocess.TimeoutExpired:
        raise DatabaseError(f"{name} took longer than {seconds:.0f} s") from None
    if done.returncode:
        raise DatabaseError(f"{name} failed: {done.stderr.decode(errors='replace').strip()[-300:]}")


def _libpq(url: str) -> dict[str, str]:
    parts = psycopg.conninfo.conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
             "sslmode": "PGSSLMODE"}  # fmt: skip
    return {"PATH": "/usr/bin:/bin", **{names[key]: str(value) for key, value in parts.items() if key in names}}


def program(name: str) -> str:
    """The newest of PostgreSQL's programs of this name: an older pg_dump refuses a newer server."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    chosen = str(found[-1]) if found else shutil.which(name)
    if not chosen:
        raise DatabaseError(f"{name} is not installed: apt-get install postgresql-client")
    return chosen


def _said(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip().splitlines()[0]
