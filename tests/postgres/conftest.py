"""A real PostgreSQL with pg_stat_statements, and a project whose database it is."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from golive.people.models import Project
from golive.postgres.models import Database
from golive.postgres.section import DatabaseSection, apply
from golive.sandbox.servers import PostgresServer

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "all",
    "track_io_timing": "on",
    "wal_level": "logical",
    "max_wal_senders": "8",
    "max_replication_slots": "8",
}
_numbers = count(1)


@pytest.fixture(scope="package")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL as a team would run it: statistics, replication allowed."""
    with PostgresServer(settings=SETTINGS) as running:
        yield running


@dataclass
class Place:
    """An empty database of its own on the server, and the project that declares it."""

    server: PostgresServer
    name: str
    url: str
    project: Project
    database: Database

    def run(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser; its rows, if it has any."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def place(server: PostgresServer, db: None) -> Iterator[Place]:
    """`place.database` is what golive knows; `place.run` speaks to the server as its owner."""
    name = f"acme{next(_numbers)}"
    url = server.create_database(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
    project = Project.objects.create(slug=name, name=name)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "url"
        file.write_text(url)
        apply(project.pk, DatabaseSection(url=f"file:{file}", admin=f"file:{file}"), "test")
        yield Place(server, name, url, project, Database.objects.select_related("project").get(project=project))
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
