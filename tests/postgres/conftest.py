"""A real PostgreSQL with pg_stat_statements, and a project whose database it is."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from golive.people.models import Project
from golive.postgres.models import Database
from golive.postgres.partition import calm
from golive.postgres.section import DatabaseSection, apply
from golive.sandbox.servers import PostgresServer, free_port

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


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes tables gets to know its server in a moment, and finds it calm at once."""
    monkeypatch.setattr(calm, "CALM_SECONDS", 0.1)
    monkeypatch.setattr(calm, "LOOK_SECONDS", 0.0)


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


@pytest.fixture(scope="module")
def archiving() -> Iterator[PostgresServer]:
    """A server that can archive: it has a socket, and pgBackRest may own what it needs."""
    root = Path(tempfile.mkdtemp(prefix="golive-drill-"))
    root.chmod(0o777)
    settings = {**SETTINGS, "unix_socket_directories": str(root), "archive_mode": "on", "archive_command": "/bin/true"}
    with PostgresServer(
        root / "server", settings={k: v for k, v in settings.items() if k != "archive_command"}
    ) as server:
        yield server
    shutil.rmtree(root)


@pytest.fixture
def database(archiving: PostgresServer, db: None) -> Database:
    """A database with rows, known to golive, backed up into a folder."""
    root = archiving.folder.parent
    url = archiving.create_database(f"shop{free_port()}")
    with psycopg.connect(url, autocommit=True) as connection:
        name = str(conninfo_to_dict(url)["dbname"])
        connection.execute(f"ALTER DATABASE {name} SET search_path = public")  # not "$user": it is golive here
        connection.execute("SET search_path = public")
        connection.execute("CREATE SCHEMA golive")
        connection.execute("CREATE TABLE golive.heartbeat (id smallint PRIMARY KEY, at timestamptz, nonce text)")
        connection.execute("CREATE TABLE orders (id bigserial PRIMARY KEY, note text)")
        connection.execute("INSERT INTO orders (note) SELECT 'n' || n FROM generate_series(1, 5000) AS n")
        connection.execute('CREATE TABLE "odd ""name" (id int)')
    file = root / f"url{free_port()}"
    file.write_text(url)
    project = Project.objects.create(slug=name, name="shop")
    backup: dict[str, Any] = {
        "enabled": True,
        "folder": str(root / "backups"),
        "socket": str(root),
        "smoke": ["SELECT count(*) >= 5000 FROM orders"],
    }
    section = DatabaseSection.model_validate({"url": f"file:{file}", "admin": f"file:{file}", "backup": backup})
    apply(project.pk, section, "test")
    return Database.objects.select_related("project").get(project=project)
