"""Routing over a real primary and a replica that golive made: own writes are seen, deaths are survived."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from golive_client.routing.choose import PRIMARY
from golive_client.routing.pool import RoutedPool
from golive_client.routing.scope import scope
from golive_client.routing.sqlalchemy import routed_sessionmaker
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from golive.postgres.replicas import make
from golive.postgres.replicas.measure import itself
from golive.sandbox.servers import PostgresServer, free_port
from tests.postgres.conftest import SETTINGS

VERSION = 15


@dataclass
class Pair:
    """A primary with a table, and its replica."""

    primary: PostgresServer
    url: str
    replica_url: str
    folder: Path

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, "it never came true"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    folder = Path(tempfile.mkdtemp(prefix="golive-replica-"))
    folder.chmod(0o755)
    with PostgresServer(settings=SETTINGS) as primary:
        url = primary.create_database("acme")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE item (id bigserial PRIMARY KEY, owner int, n int)")
            connection.execute("CREATE TABLE loud (id int)")
            connection.execute(
                "CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'INSERT INTO loud VALUES (1) RETURNING id'"
            )
        wish = make.Wish("one", folder / "one", free_port(), url)
        replica_url = make.make(wish)
        yield Pair(primary, url, replica_url, wish.folder)
        if (wish.folder / "standby.signal").exists():
            make.remove(wish)
        else:  # the last test promoted it
            make.stop(wish.folder, VERSION)
    shutil.rmtree(folder)


@pytest.fixture
def pool(pair: Pair) -> Iterator[RoutedPool]:
    made = RoutedPool(pair.url, {"one": pair.replica_url}, max_size=4, every_seconds=0.05)
    try:
        pair.until(lambda: chosen(made) == "one")
        yield made
    finally:
        made.close()


def chosen(pool: RoutedPool) -> str:
    with scope():
        return pool.balancer.choose().name


def where(pool: RoutedPool) -> bool:
    """Whether a read is answered by a replica."""
    with scope():
        return bool(pool.read("SELECT pg_is_in_recovery()")[0][0])


def delay(pair: Pair, length: str) -> None:
    with psycopg.connect(pair.replica_url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET recovery_min_apply_delay = '{length}'")
        connection.execute("SELECT pg_reload_conf()")


def test_reads_go_to_the_replica_and_whatever_may_write_to_the_primary(pool: RoutedPool) -> None:
    assert where(pool)
    for statement in (
        "SELECT pg_is_in_recovery() FROM item FOR UPDATE",
        "SELECT pg_is_in_recovery(), nextval('item_id_seq')",
        "WITH x AS (INSERT INTO item (owner) VALUES (0) RETURNING id) SELECT pg_is_in_recovery() FROM x",
    ):
        with scope():
            assert not any(row[0] for row in pool.read(statement)), statement
    with scope():  # a function that writes is refused by the replica and asked of the primary
        assert pool.read("SELECT writes()") == [(1,)]


def test_nobody_misses_their_own_write_whatever_the_lag(pair: Pair, pool: RoutedPool) -> None:
    random.seed(7)
    missed, moved = [], 0
    try:
        for owner in range(1000, 1012):
            delay(pair, random.choice(["0", "200ms", "900ms"]))
            with scope() as first:
                with pool.write() as connection:
                    connection.execute("INSERT INTO item (owner, n) VALUES (%s, 1)", [owner])
                token = str(first.token)
            for _ in range(8):
                with scope(token) as later:
                    if pool.read("SELECT count(*) FROM item WHERE owner = %s", [owner]) != [(1,)]:
                        missed.append(owner)
                    moved += later.choices[-1] != PRIMARY
    finally:
        delay(pair, "0")
    assert missed == []


def test_a_stranger_reads_from_the_replica_while_the_writer_waits_for_it(pair: Pair, pool: RoutedPool) -> None:
    delay(pair, "5min")
    try:
        with scope() as writer:
            with pool.write() as connection:
                connection.execute("INSERT INTO item (owner, n) VALUES (99, 1)")
            assert not pool.read("SELECT pg_is_in_recovery()")[0][0]
            assert writer.token is not None
        assert where(pool)
    finally:
        delay(pair, "0")
    pair.until(lambda: pool_sees(pool, str(writer.token)))


def pool_sees(pool: RoutedPool, token: str) -> bool:
    with scope(token):
        return bool(pool.read("SELECT pg_is_in_recovery()")[0][0])


def test_no_read_fails_when_the_replica_is_killed_and_it_is_used_again_when_it_is_back(
    pair: Pair, pool: RoutedPool
) -> None:
    failures: list[Exception] = []
    answered: list[int] = []
    stop = threading.Event()

    def reads() -> None:
        while not stop.is_set():
            try:
                with scope():
                    answered.append(len(pool.read("SELECT n FROM item LIMIT 1")))
            except Exception as error:
                failures.append(error)

    readers = [threading.Thread(target=reads) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        make.stop(pair.folder, VERSION)
        pair.until(lambda: chosen(pool) == PRIMARY)
        count = len(answered)
        pair.until(lambda: len(answered) > count + 50)
        make.start(pair.folder, VERSION)
        pair.until(lambda: chosen(pool) == "one")
    finally:
        stop.set()
        for reader in readers:
            reader.join(30)
    assert failures == []
    pair.until(lambda: where(pool))


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[int]
    n: Mapped[int]


def test_sqlalchemy_sessions(pair: Pair) -> None:
    primary = create_engine(pair.url.replace("postgresql:", "postgresql+psycopg:"))
    port = int(str(conninfo_to_dict(pair.replica_url)["port"]))
    replica = create_engine(primary.url.set(port=port))
    sessions = routed_sessionmaker(primary, {"one": replica}, every_seconds=0.05)
    balancer = sessions.kw["balancer"]
    try:
        pair.until(lambda: not chosen_by(balancer))
        with scope(), sessions() as session:
            assert session.scalar(text("SELECT pg_is_in_recovery()"))
        delay(pair, "5min")
        with scope() as writer:
            with sessions() as session:
                session.add(Item(owner=7, n=1))
                session.flush()
                assert session.scalars(select(Item).where(Item.owner == 7)).one().n == 1
                session.commit()
            with sessions() as session:
                assert session.scalars(select(Item).where(Item.owner == 7)).one().n == 1
                session.scalars(select(Item).where(Item.owner == 7).with_for_update()).one()
            token = str(writer.token)
        with scope(token), sessions() as session:
            assert session.scalars(select(Item).where(Item.owner == 7)).one().n == 1
    finally:
        delay(pair, "0")
        balancer.close()
        primary.dispose()
        replica.dispose()


def chosen_by(balancer: object) -> bool:
    with scope():
        return bool(balancer.choose().is_primary)  # type: ignore[attr-defined]


@pytest.fixture
def shop(pair: Pair) -> Iterator[Callable[..., dict[str, Any]]]:
    """Ask a real Django application: `shop("/read/1", cookie)`."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("django_app.py"))],
        env={**os.environ, "PRIMARY_URL": pair.url, "REPLICA_URL": pair.replica_url},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(path: str, cookie: str = "") -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"path": path, "cookie": cookie}) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    yield ask
    process.stdin.close()
    process.wait(30)


def test_a_django_application_reads_from_the_replica_and_each_user_sees_their_own_writes(
    pair: Pair, shop: Callable[..., dict[str, Any]]
) -> None:
    pair.until(lambda: shop("/read/1")["by"] == "replica")
    delay(pair, "5min")
    try:
        for number, kind in enumerate(("write", "raw")):
            owner = 70_000 + number
            made = shop(f"/{kind}/{owner}")
            assert (made["status"], made["count"], made["by"]) == (200, 1, "default"), kind
            assert made["cookie"]
            again = shop(f"/read/{owner}", made["cookie"])
            assert (again["count"], again["by"]) == (1, "default"), kind
            assert shop(f"/read/{owner}") == {"count": 0, "by": "replica", "status": 200, "cookie": ""}  # a stranger
            assert shop(f"/read/{owner}", "rubbish")["by"] == "replica"
        assert shop("/locked/70000")["by"] == "default"
    finally:
        delay(pair, "0")
    pair.until(
        lambda: shop("/read/70000", made["cookie"]) == {"count": 1, "by": "replica", "status": 200, "cookie": ""}
    )


def test_a_django_application_survives_its_replica(pair: Pair, shop: Callable[..., dict[str, Any]]) -> None:
    pair.until(lambda: shop("/read/1")["by"] == "replica")
    make.stop(pair.folder, VERSION)
    try:
        answers = [shop("/read/1") for _ in range(20)]
        assert {one["status"] for one in answers} == {200}
        assert {one["by"] for one in answers} == {"default"}
    finally:
        make.start(pair.folder, VERSION)
    pair.until(lambda: shop("/read/1")["by"] == "replica")


def test_a_promoted_replica_is_passed_over(pair: Pair, pool: RoutedPool) -> None:
    """The last of the file: its writes are its own from here, so nobody may read there."""
    with psycopg.connect(pair.replica_url, autocommit=True) as connection:
        connection.execute("SELECT pg_promote()")
    pair.until(lambda: chosen(pool) == PRIMARY)
    with scope():
        assert "promoted" in pool.balancer.choose().reason
        assert pool.read("SELECT count(*) >= 0 FROM item") == [(True,)]
    assert "promoted" in str(itself(pair.replica_url)["state"])
