"""Tables divided by tenant: hash and list, foreign keys of other tables led to what stands in their place."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from golive.alerts.models import State
from golive.postgres.advice.catalog import Catalog, Column, Table
from golive.postgres.advice.workload import Statement
from golive.postgres.partition import wrap as wrapping
from golive.postgres.partition.copy import Shadow
from golive.postgres.partition.divide import How, by_hash, by_list, unfit
from golive.postgres.partition.plan import Every, PartitionPlan
from golive.postgres.partition.policy import keep_policy
from golive.postgres.partition.prune import pruning
from golive.postgres.partition.shape import CannotPartition, look
from golive.postgres.partition.standing import judge
from golive.postgres.session import Connection, session
from tests.postgres.conftest import Place

NOW = datetime.now(UTC)
HASH = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM task t"


@pytest.fixture
def connection(place: Place) -> Iterator[Connection]:
    """Two tables as a product with tenants has them: every key begins with the account."""
    for statement in (
        "CREATE TABLE task (account text, id bigint GENERATED ALWAYS AS IDENTITY, title text, at timestamptz NOT NULL"
        " DEFAULT now(), PRIMARY KEY (account, id))",
        "INSERT INTO task (account, title) SELECT CASE WHEN n % 2 = 0 THEN 'Big''; --' ELSE 'tenant ' || n % 40 END,"
        " 't' || n FROM generate_series(1, 6000) n",
        "CREATE TABLE note (account text, task bigint, CONSTRAINT note_task FOREIGN KEY (account, task)"
        " REFERENCES task ON DELETE CASCADE)",
        "INSERT INTO note SELECT account, id FROM task WHERE id <= 100",
    ):
        place.run(statement)
    with session(place.url, read_only=False, statement_timeout=timedelta()) as connection:
        yield connection


def convert(connection: Connection, how: How, parts: int) -> wrapping.Done:
    shadow = Shadow(connection, "task", "account", lambda _: None, rest=0.0)
    return shadow.convert(Every.MONTH, 2, NOW, how, parts)


@pytest.mark.parametrize(("how", "parts", "expected"), [(How.HASH, 4, 4), (How.LIST, 1, 2)])
def test_a_table_is_divided_by_tenant(
    place: Place, connection: Connection, how: How, parts: int, expected: int
) -> None:
    before = place.run(HASH)
    convert(connection, how, parts)
    assert place.run(HASH) == before
    shape = look(connection, "task")
    assert len(shape.partitions) == expected
    assert [each["name"] for each in shape.inbound if each["valid"]] == ["note_task"]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        place.run("INSERT INTO note VALUES ('nobody', 1)")
    place.run("DELETE FROM task WHERE id = 2")
    assert place.run("SELECT count(*) FROM note WHERE task = 2") == [(0,)]  # the cascade goes on
    place.run("INSERT INTO task (account, title) VALUES ('new one', 'x')")
    if how is How.LIST:
        assert place.run("SELECT count(DISTINCT account) FROM task_l001") == [(1,)]
    place.run("DROP TABLE task_history")
    plan = PartitionPlan(table="task", by="account", how=how)
    assert keep_policy(connection, plan, NOW) == ([], [])


def test_a_key_that_holds_the_time_is_led_to_a_wrapped_table_and_back(place: Place, connection: Connection) -> None:
    place.run("ALTER TABLE task ADD UNIQUE (id, at)")
    place.run("ALTER TABLE note DROP CONSTRAINT note_task")
    place.run("CREATE TABLE mark (task bigint, at timestamptz, FOREIGN KEY (task, at) REFERENCES task (id, at))")
    place.run("INSERT INTO mark SELECT id, at FROM task WHERE id < 10")
    wrapping.wrap(connection, "task", "at", Every.MONTH, 2, NOW, lambda _: None)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        place.run("INSERT INTO mark VALUES (1, '2001-01-01')")
    assert [each["valid"] for each in look(connection, "task").inbound] == [True]
    wrapping.undo(connection, "task", lambda _: None)
    shape = look(connection, "task")
    assert (shape.kind, [each["valid"] for each in shape.inbound]) == ("r", [True])


def test_ranges_of_a_tenant_are_refused(connection: Connection) -> None:
    with pytest.raises(CannotPartition, match="--how hash or list"):
        convert(connection, How.RANGE, 4)


@pytest.mark.parametrize(
    ("how", "kind", "fits"),
    [
        (How.RANGE, "date", True),
        (How.RANGE, "timestamp(3) with time zone", True),
        (How.RANGE, "bigint", False),
        (How.HASH, "uuid", True),
        (How.LIST, "jsonb", True),
        (How.HASH, "json", False),
        (How.LIST, "point", False),
    ],
)
def test_which_types_divide_a_table(how: How, kind: str, fits: bool) -> None:
    assert (unfit(how, kind) is None) is fits


def test_names_and_bounds() -> None:
    parts = by_hash("x" * 80, 3)
    assert [len(part.name.encode()) for part in parts] == [63, 63, 63]
    assert parts[2].bound.as_string() == "FOR VALUES WITH (MODULUS 3, REMAINDER 2)"
    assert [part.bound.as_string() for part in by_list("t", ["a'b"])] == ["FOR VALUES IN ('a''b')", "DEFAULT"]


@pytest.mark.parametrize(
    ("text", "how", "prunes"),
    [
        ("SELECT * FROM task WHERE account = $1", How.HASH, True),
        ("SELECT * FROM task WHERE account > $1", How.HASH, False),
        ("SELECT * FROM task WHERE account > $1", How.LIST, True),
    ],
)
def test_a_hash_prunes_for_equality_only(text: str, how: How, prunes: bool) -> None:
    columns = {name: Column(name, "text") for name in ("account", "id")}
    catalog = Catalog({("public", "task"): Table("task", columns=columns)})
    (found,) = pruning([Statement("1", text, 1)], catalog, "public", "task", "account", how)
    assert found.prunes is prunes


@pytest.mark.parametrize(
    ("ends", "state", "said"),
    [
        ([], State.UNKNOWN, "not partitioned yet"),
        (["2026-03-01"], State.FIRING, "2 of 2 ahead are missing"),
        (["2026-04-01", "2026-05-01"], State.OK, "ready until 2026-05-01"),
        (["2026-01-01"], State.FIRING, "new rows are refused"),
    ],
)
def test_how_a_partitioned_table_stands(ends: list[str], state: State, said: str) -> None:
    parts = [
        {"name": f"p{end}", "bound": f"FOR VALUES FROM ('2020-01-01') TO ('{end}')", "rows": 1, "bytes": 8}
        for end in ends
    ]
    found = judge("events", PartitionPlan(table="events", by="at", ahead=2), parts, date(2026, 2, 10))
    assert (found.state, said in found.reason) == (state, True), found.reason
