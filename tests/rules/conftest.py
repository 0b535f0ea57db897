"""A real store and what arrives in it: spans, metrics and events at receive times of the test's choosing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson
import pytest

from golive.people.models import Project
from golive.telemetry import store
from tests.telemetry.stores import StoreProcess, running_store

_numbers = count(1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """A real store process."""
    with running_store(tmp_path_factory.mktemp("store")) as process:
        yield process


def insert(table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into a table; the views behind it do their work."""
    body = b"\n".join(orjson.dumps(row, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z) for row in rows)
    store.connect(write=True).raw_insert(
        table, insert_block=body, fmt="JSONEachRow", settings={"date_time_input_format": "best_effort"}
    )


@dataclass
class World:
    """One project of its own in the store, and a clock that the test moves."""

    project: Project
    now: datetime

    def spans(
        self,
        many: int,
        *,
        failures: int = 0,
        slow: int = 0,
        route: str = "/",
        synthetic: bool = False,
        status: int = 500,
    ) -> None:
        """Requests received in the ten seconds up to now; the first fail, the last are slow (3 s)."""
        insert(
            "spans_arriving",
            [
                {
                    **self._row(synthetic, number * 10 / many),
                    "duration_ns": 3_000_000_000 if number >= many - slow else 50_000_000,
                    "service": "web",
                    "name": f"GET {route}",
                    "kind": "server",
                    "status": "error" if number < failures and status >= 500 else "unset",
                    "http_route": route,
                    "http_status": status if number < failures else 200,
                }
                for number in range(many)
            ],
        )

    def pool(self, used: float, most: float = 10, *, newer: bool = False) -> None:
        """A sample of a connection pool, under the old or the newer names."""
        if newer:
            names = ("db.client.connection.count", "db.client.connection.max")
            states, pool = "db.client.connection.state", "db.client.connection.pool.name"
        else:
            names = ("db.client.connections.usage", "db.client.connections.max")
            states, pool = "state", "pool.name"
        samples = ((names[0], used, {states: "used"}), (names[0], most - used, {states: "idle"}), (names[1], most, {}))
        insert(
            "metrics",
            [
                {
                    **self._row(),
                    "service": "web",
                    "name": name,
                    "type": "sum",
                    "value": value,
                    "attributes": {pool: "main", **attributes},
                    "resource": {"service.instance.id": "one"},
                }
                for name, value, attributes in samples
            ],
        )

    def event(self, name: str, *, synthetic: bool = False) -> None:
        """A business event."""
        insert("events", [{**self._row(synthetic), "service": "web", "name": name}])

    def _row(self, synthetic: bool = False, back_seconds: float = 0) -> dict[str, Any]:
        at = self.now - timedelta(seconds=back_seconds)
        return {
            "project": self.project.slug,
            "environment": "production",
            "release": "1",
            "synthetic": synthetic,
            "received_at": at,
            "time": at,
        }


@pytest.fixture
def world(engine: StoreProcess, db: None) -> World:
    """A fresh project at a time that lies an hour back, so that a test may move forward without waiting."""
    project = Project.objects.create(slug=f"shop{next(_numbers)}", name="shop")
    now = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
    return World(project, now)
