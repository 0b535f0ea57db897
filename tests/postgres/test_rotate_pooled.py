"""Credentials rotated under clients that come through PgBouncer; one that was killed is ended, not begun again."""

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from golive.postgres.base import Database
from golive.postgres.pool import setup
from golive.postgres.pool.watch import ask
from golive.postgres.rotate.plan import RotatePlan
from golive.postgres.rotate.pooled import Pooled, pooled
from golive.postgres.rotate.turn import prepare, put, rotate, turn
from golive.postgres.section import DatabaseSection, apply
from golive.postgres.session import one, session
from golive.sandbox.servers import free_port
from tests.postgres.conftest import Place


@pytest.fixture
def plan(place: Place, tmp_path: Path) -> RotatePlan:
    owner = f"own_{place.name}"
    place.run(f"CREATE ROLE {owner}")
    place.run(f"CREATE TABLE orders (id int); ALTER TABLE orders OWNER TO {owner}")
    place.run(f"GRANT CREATE, USAGE ON SCHEMA public TO {owner}")
    return RotatePlan(roles=[f"a_{place.name}", f"b_{place.name}"], owner=owner, target=f"file:{tmp_path}/url")


@pytest.fixture
def pool(place: Place, plan: RotatePlan, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Pooled, str]]:
    """A PgBouncer of golive's, and its address."""
    folder = Path("/tmp") / f"golive-rotate-{place.name}-{free_port()}"  # PgBouncer's account enters
    monkeypatch.setattr(setup, "folder_of", lambda database: folder)
    section = DatabaseSection.model_validate(
        {
            "url": place.database.url,
            "admin": place.database.admin,
            "pool": {"enabled": True, "port": free_port(), "roles": [place.database.admin], "size": 4},
            "rotate": plan.model_dump(),
        }
    )
    apply(place.project.pk, section, "test")
    database = Database.objects.select_related("project").get(pk=place.database.pk)
    setup.bring_up(database)
    found = pooled(database)
    assert found is not None
    yield found, make_conninfo(place.url, host="127.0.0.1", port=setup.plan_of(database).port)
    setup.pool_of(database).stop()
    shutil.rmtree(folder)


def rotated(place: Place, plan: RotatePlan, pool: tuple[Pooled, str]) -> tuple[Pooled, str]:
    """The pool after a first rotation, and the URL of the role that is in use."""
    door, at = pool
    target = Path(plan.target.removeprefix("file:"))
    target.write_text(make_conninfo(at, user=plan.roles[1]))
    rotate(place.url, plan, timedelta(seconds=30), pool=door)
    return door, target.read_text().strip()


def test_no_query_fails_through_the_pool(
    place: Place, plan: RotatePlan, pool: tuple[Pooled, str], tmp_path: Path
) -> None:
    door, at = pool
    target = Path(plan.target.removeprefix("file:"))
    target.write_text(make_conninfo(at, user=plan.roles[1]))
    assert rotate(place.url, plan, timedelta(seconds=30), pool=door)[0].new == plan.roles[0]
    failures, done, stop = [], [], threading.Event()

    class Reads(psycopg.Connection[tuple[object, ...]]):
        """Each new connection takes the URL of that moment."""

        @classmethod
        def connect(cls, conninfo: str = "", **options: object) -> "Reads":  # type: ignore[override]
            return super().connect(target.read_text().strip(), autocommit=True, prepare_threshold=None)  # type: ignore[return-value]

    def work(clients: ConnectionPool[Reads]) -> None:
        while not stop.is_set():
            try:
                with clients.connection() as connection:
                    connection.execute("INSERT INTO orders VALUES (1)")
                    row = connection.execute("SELECT session_user").fetchone()
                    done.append(str(row[0]) if row else "")
            except Exception as error:
                failures.append(error)
                time.sleep(0.05)
            time.sleep(0.01)

    with ConnectionPool("", connection_class=Reads, min_size=4, max_size=4, max_lifetime=2) as clients:
        threads = [threading.Thread(target=work, args=(clients,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                old = target.read_text().strip()
                assert rotate(place.url, plan, timedelta(seconds=90), pool=door)[1]
                with pytest.raises(psycopg.OperationalError):
                    psycopg.connect(old).close()
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
    assert [str(error) for error in failures] == []
    assert set(done) == set(plan.roles)


def test_the_pool_lets_go_of_idle_connections_and_fails_nobody(
    place: Place, plan: RotatePlan, pool: tuple[Pooled, str]
) -> None:
    """Asked far more often than a rotation asks, while clients come and go."""
    door, url = rotated(place, plan, pool)
    failures, stop = [], threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(url, autocommit=True, prepare_threshold=None) as client:
                    client.execute("SELECT 1")
            except psycopg.Error as error:
                failures.append(str(error))

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 3
    while time.monotonic() < until:
        door.let_go()
    stop.set()
    for thread in threads:
        thread.join(30)
    assert failures == []

    def held() -> int:
        with session(place.url) as connection:
            return one(
                connection,
                "SELECT count(*) AS n FROM pg_stat_activity WHERE usename = ANY (%(roles)s::text[])",
                {"roles": plan.roles},
            )["n"]

    deadline = time.monotonic() + 20
    while held():
        assert time.monotonic() < deadline, "the pool still holds connections that nobody uses"
        time.sleep(0.1)
    door.keep()
    settings = {row["key"]: row["value"] for row in ask(setup.console_url(door.database), "SHOW CONFIG")[0]}
    assert settings["server_idle_timeout"] == "300"


def test_a_client_that_is_silent_in_the_pool_keeps_its_role_open(
    place: Place, plan: RotatePlan, pool: tuple[Pooled, str]
) -> None:
    """It has no session on the server, and would fail at its next query."""
    door, url = rotated(place, plan, pool)
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as silent:
        silent.execute("SELECT 1")
        assert rotate(place.url, plan, timedelta(seconds=4), pool=door)[1] is False
        silent.execute("SELECT 1")
        # Run again: what was begun is ended, and the silent client's password is not changed under it.
        assert rotate(place.url, plan, timedelta(seconds=4), pool=door) == (turn(plan.roles, plan.roles[0]), False)
        psycopg.connect(url).close()
    assert rotate(place.url, plan, timedelta(seconds=30), pool=door) == (turn(plan.roles, plan.roles[0]), True)


@pytest.mark.parametrize("after", ["prepare", "put"])
def test_a_rotation_killed_half_way_is_ended_by_the_next(place: Place, plan: RotatePlan, after: str) -> None:
    target = Path(plan.target.removeprefix("file:"))
    rotate(place.url, plan, timedelta(seconds=1))
    before = target.read_text()
    first, second = plan.roles
    with session(place.url, read_only=False, autocommit=False) as connection:
        prepare(connection, plan, turn(plan.roles, first), "word")
    if after == "put":
        put(plan.target, make_conninfo(place.url, user=second, password="word"))
    psycopg.connect(before).close()  # the old ones still work
    done, shut = rotate(place.url, plan, timedelta(seconds=10))
    assert (done.old, done.new, shut) == (first, second, True)
    psycopg.connect(target.read_text()).close()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(before).close()
    assert rotate(place.url, plan, timedelta(seconds=10))[0].new == first  # and the next one rotates
