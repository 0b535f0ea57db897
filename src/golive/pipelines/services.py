"""Servers of a step: a PostgreSQL or Redis of its own on a free port, gone when it ends."""

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from golive.pipelines import work
from golive.sandbox.servers import PostgresServer, RedisServer, Server, ServerError

DATABASE = "app"
TEMPLATE = "golive_template"


class Services:
    """The servers of one step. `variables` is what the step is told of them."""

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        self.names, self.folder = names, folder
        self.variables: dict[str, str] = {}
        self._running: list[Server] = []
        self.postgres: PostgresServer | None = None

    def start(self) -> None:
        """Start all. Raises ServerError; then none runs."""
        try:
            for name in self.names:
                place = self.folder / name
                if name == "postgres":
                    self.postgres = _postgres(place)
                    self._running.append(self.postgres)
                    self.variables["POSTGRES_URL"] = self.postgres.create_database(DATABASE)
                else:
                    redis = RedisServer(place)
                    self._running.append(redis)
                    redis.start()
                    self.variables["REDIS_URL"] = redis.url
        except BaseException:
            self.stop()
            raise

    def template_url(self) -> str:
        """A fresh database that is filled once and then cloned. Only with PostgreSQL."""
        assert self.postgres is not None  # noqa: S101 (the section sees to it)
        return self.postgres.create_database(TEMPLATE)

    def clone_template(self) -> None:
        """Make the step's database a clone of the filled template."""
        assert self.postgres is not None  # noqa: S101
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
        self.postgres.create_database(DATABASE, TEMPLATE)

    def stop(self) -> None:
        """Stop all by force: nothing in them is worth keeping."""
        for server in self._running:
            with contextlib.suppress(Exception):
                server.kill()
            with contextlib.suppress(Exception):
                server.remove()
        self._running.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def _postgres(folder: Path) -> PostgresServer:
    """A cluster copied from one that was made before (initdb takes seconds), with a password of its own."""
    template = _template()
    subprocess.run(["cp", "-a", "--reflink=auto", str(template), str(folder)], check=True)
    server = PostgresServer(folder).start()
    password = secrets.token_urlsafe(18)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(server.user), sql.Literal(password))
        connection.execute(statement)
    server.password = password
    return server


def _template() -> Path:
    place = work.root() / "postgres-template"
    if (place / "data" / "PG_VERSION").exists():
        return place
    draft = place.with_name(f".postgres-template.{os.getpid()}.{secrets.token_hex(4)}")
    with PostgresServer(draft):
        pass
    try:
        draft.rename(place)
    except OSError:  # another run was first
        shutil.rmtree(draft, ignore_errors=True)
    if not (place / "data" / "PG_VERSION").exists():
        raise ServerError("the template cluster could not be made")
    return place
