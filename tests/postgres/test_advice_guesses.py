"""Statistics that mend the planner's guesses: proved where they change a plan for the better, else silence."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from golive.postgres.advice.advise import advise
from golive.postgres.advice.plan import AdvicePlan
from golive.postgres.advice.report import Change
from golive.postgres.advice.workload import Statement
from golive.postgres.session import session
from tests.postgres.conftest import Place

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# city, street and house tell each other: the planner multiplies their shares and expects two rows where 2 000 are.
SCRIPT = """
CREATE TABLE places (id int PRIMARY KEY, city int, street int, house int, pad text DEFAULT repeat('x', 40));
INSERT INTO places SELECT n, n % 30, n % 30, n % 30 FROM generate_series(1, 60000) n;
CREATE INDEX places_city ON places (city, street, house);
VACUUM (ANALYZE)
"""
JOINED = (
    "SELECT count(*) FROM places p JOIN places q ON p.id % 50000 = q.id % 40000 "
    "WHERE p.city = 7 AND p.street = 7 AND p.house = 7 AND q.city = 8 AND q.street = 8 AND q.house = 8"
)
ALONE = "SELECT count(pad) FROM places WHERE city = 7 AND street = 7 AND house = 7"


@pytest.fixture
def copy(place: Place) -> Iterator[str]:
    with psycopg.connect(place.url, autocommit=True) as connection:
        for statement in SCRIPT.split(";\n"):
            connection.execute(statement.encode())
    name = f"{place.name}_copy"
    yield place.server.create_database(name, template=place.name)
    place.run(f'DROP DATABASE "{name}"')


def asked(place: Place, copy: str, text: str) -> list[Change]:
    with session(place.url) as connection:
        report = advise(connection, [Statement("1", text, 1000.0, 1e6)], AdvicePlan(), NOW, copy)
    return [change for change in report.changes if change.kind == "statistics"]


def test_statistics_over_columns_that_tell_each_other(place: Place, copy: str) -> None:
    (change,) = asked(place, copy, JOINED)
    assert change.stage == "proved", change.reason
    assert "independent" in change.reason
    assert change.after_ms is not None
    assert change.before_ms is not None
    assert change.after_ms < change.before_ms
    for statement in (*change.statement.split(";\n"), *change.undo.split(";\n")):
        place.run(statement)


def test_a_better_guess_without_a_better_plan_is_refused(place: Place, copy: str) -> None:
    changes = asked(place, copy, ALONE)
    assert [change.stage for change in changes] == ["refused"]
    assert "no statement gets faster" in changes[0].reason
