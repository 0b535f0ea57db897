"""What runs out first, told apart on a real server under real load (waits for a disk would need a slow one)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import psycopg
import pytest
from django.utils import timezone

from golive.postgres.grow.measure import measure
from golive.postgres.grow.model import Resource, first, sentence
from golive.postgres.section import DatabaseSection, apply
from golive.sandbox.servers import PostgresServer
from tests.postgres.conftest import SETTINGS, Place

CORES, CONNECTIONS = 2, 24
SHAPES = (
    "sum(n)",
    "max(n)",
    "min(n)",
    "avg(n)",
    "count(n)",
    "stddev(n)",
    "variance(n)",
    "bool_or(n > 0)",
    "bit_xor(n)",
)


@pytest.fixture(scope="module")
def small() -> Iterator[PostgresServer]:
    """A server with few buffers and few connections."""
    settings = {**SETTINGS, "shared_buffers": "128kB", "superuser_reserved_connections": "0", "jit": "off"}
    with PostgresServer(settings=settings, max_connections=CONNECTIONS) as server:
        with psycopg.connect(server.create_database("acme"), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute("CREATE TABLE wide (n int, pad text)")
            connection.execute("INSERT INTO wide SELECT n, repeat('x', 900) FROM generate_series(1, 12000) n")
            connection.execute("CREATE TABLE account (id int PRIMARY KEY, n int)")
            connection.execute("INSERT INTO account VALUES (1, 0)")
            connection.execute("VACUUM (ANALYZE)")
        yield server


class Load:
    """Sessions at work until the end of the test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.over = threading.Event()
        self.threads: list[threading.Thread] = []

    def __call__(self, statements: list[str], sessions: int = 1, pause: float = 0.0) -> None:
        for number in range(sessions):
            thread = threading.Thread(target=self._work, args=(statements[number:] + statements[:number], pause))
            thread.start()
            self.threads.append(thread)

    def _work(self, statements: list[str], pause: float) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.over.is_set():
                for statement in statements:
                    connection.execute(statement.encode())
                    self.over.wait(pause)

    def end(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(60)


def nothing(load: Load, held: ExitStack) -> None:
    """An idle server."""


def connections(load: Load, held: ExitStack) -> None:
    for _ in range(CONNECTIONS * 85 // 100):
        held.enter_context(psycopg.connect(load.url))


def locks(load: Load, held: ExitStack) -> None:
    holder = held.enter_context(psycopg.connect(load.url))
    holder.execute("UPDATE account SET n = n + 1")
    load(["UPDATE account SET n = n + 1"], sessions=8)


def processor(load: Load, held: ExitStack) -> None:
    load([f"SELECT {shape} FROM generate_series(1, 60000) AS n" for shape in SHAPES], sessions=4)


def query(load: Load, held: ExitStack) -> None:
    load(["SELECT count(*) FROM generate_series(1, 60000) AS n WHERE n % 7 = 0"], sessions=4)


def memory(load: Load, held: ExitStack) -> None:
    load([f"SELECT {shape} FROM wide" for shape in SHAPES], pause=0.03)


@pytest.mark.parametrize(
    ("drive", "limit"),
    [
        (nothing, None),
        (connections, Resource.CONNECTIONS),
        (locks, Resource.LOCKS),
        (processor, Resource.CPU),
        (query, Resource.QUERY),
        (memory, Resource.MEMORY),
    ],
)
def test_what_runs_out_is_told_apart(
    place: Place, small: PostgresServer, drive: Callable[[Load, ExitStack], None], limit: Resource | None
) -> None:
    url = small.url("acme")
    with open(place.database.url.removeprefix("file:"), "w") as out:  # noqa: PTH123
        out.write(url)
    section = DatabaseSection.model_validate({"url": place.database.url, "machine": {"cores": CORES}})
    apply(place.project.pk, section, "test")
    place.database.refresh_from_db()
    load = Load(url)
    with ExitStack() as held:
        held.callback(load.end)
        drive(load, held)
        found = measure(place.database, timedelta(seconds=2), timezone.now())
        held.close()
    tightest = first(found)
    assert (tightest.resource if tightest else None) == limit, (sentence(found), found)
