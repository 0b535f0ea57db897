"""The cache and the counters against a real Redis, a real PostgreSQL where they meet, and real deaths."""

import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from golive_client.cache import Cache, Counters, postgres_sink

from golive.sandbox.servers import PostgresServer, RedisServer


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[Any]:
    with redis.Redis.from_url(server.url) as found:
        found.flushdb()
        yield found


def test_many_at_once_compute_once(client: Any) -> None:
    cache, calls = Cache(client, "t:"), []

    def compute() -> int:
        calls.append(1)
        time.sleep(0.3)
        return 42

    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(cache.get_or_compute("k", compute, ttl=60))) for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [42] * 30
    assert len(calls) == 1


def test_what_was_kept_between_the_look_and_the_lock_is_not_computed_again(client: Any) -> None:
    cache, other = Cache(client, "t:"), Cache(client, "t:")

    class Late:
        """Redis, except that somebody else is quicker just before the lock is asked for."""

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def set(self, *words: Any, **options: Any) -> Any:
            other.get_or_compute("k", lambda: "theirs", ttl=60)
            return client.set(*words, **options)

    cache.redis = Late()
    assert cache.get_or_compute("k", lambda: "ours", ttl=60) == "theirs"
    assert client.get("t:lock:k") is None


def test_an_old_value_is_given_while_one_computes(client: Any) -> None:
    clock = [1000.0]
    cache = Cache(client, "t:", beta=0.0, now=lambda: clock[0])
    assert cache.get_or_compute("k", lambda: "old", ttl=10, stale=60) == "old"
    clock[0] += 11
    began, finish = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        finish.wait(30)
        return "new"

    one = threading.Thread(target=lambda: cache.get_or_compute("k", slow, ttl=10, stale=60))
    one.start()
    assert began.wait(30)
    assert cache.get_or_compute("k", lambda: "never", ttl=10, stale=60) == "old"
    finish.set()
    one.join()
    assert cache.get_or_compute("k", lambda: "never", ttl=10, stale=60) == "new"


def test_invalidation_reaches_keys_tags_and_what_is_being_computed(client: Any) -> None:
    cache = Cache(client, "t:")
    assert cache.get_or_compute("a", lambda: 1, ttl=60, tags=["customer:7"]) == 1
    assert cache.get_or_compute("a", lambda: 2, ttl=60, tags=["customer:7"]) == 1
    cache.invalidate(tag="customer:7")
    assert cache.get_or_compute("a", lambda: 3, ttl=60, tags=["customer:7"]) == 3
    cache.invalidate("a")

    def overtaken() -> int:
        cache.invalidate(tag="customer:7")  # somebody changes the row while it is being read
        return 4

    assert cache.get_or_compute("a", overtaken, ttl=60, tags=["customer:7"]) == 4
    assert cache.get_or_compute("a", lambda: 5, ttl=60, tags=["customer:7"]) == 5


def test_an_error_is_not_kept_and_blocks_nobody(client: Any) -> None:
    cache = Cache(client, "t:")
    with pytest.raises(ZeroDivisionError):
        cache.get_or_compute("k", lambda: 1 // 0, ttl=60)
    assert cache.get_or_compute("k", lambda: 7, ttl=60) == 7


def test_without_redis_it_still_answers() -> None:
    gone = RedisServer().start()
    away = redis.Redis.from_url(gone.url, socket_connect_timeout=1)
    cache = Cache(away)
    assert cache.get_or_compute("k", lambda: 1, ttl=60) == 1
    gone.kill()
    assert cache.get_or_compute("k", lambda: 2, ttl=60) == 2
    gone.remove()


def totals(connection: Any) -> dict[str, int]:
    return dict(connection.execute("SELECT name, amount FROM usage_counters ORDER BY name").fetchall())


def test_counters_lose_and_double_nothing(tmp_path: Path) -> None:
    """Redis is killed and comes back, the writer dies before and after its commit, two flush at once."""
    keeper = RedisServer(tmp_path / "redis", durable=True).start()
    client = redis.Redis.from_url(keeper.url)
    client.config_set("appendfsync", "always")
    try:
        with PostgresServer() as postgres, psycopg.connect(postgres.url(), autocommit=True) as connection:
            write = postgres_sink(connection)
            usage = Counters(client, "u:", claim_seconds=0.5)

            def dies_before(batch: str, amounts: Mapping[str, int]) -> None:
                raise KeyboardInterrupt

            def dies_after(batch: str, amounts: Mapping[str, int]) -> None:
                write(batch, amounts)
                raise KeyboardInterrupt

            for number in range(300):
                usage.add(f"customer:{number % 3}", 2)
                if number in (50, 150):
                    with pytest.raises(KeyboardInterrupt):
                        usage.flush("w", dies_before if number == 50 else dies_after)
                if number == 100:
                    keeper.kill()
                    keeper.start()
                if number == 200:
                    assert usage.flush("w", write) >= 1
            assert sum(usage.pending().values()) + sum(totals(connection).values()) == 600
            threads = [threading.Thread(target=usage.flush, args=(name, write)) for name in "ab"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            usage.flush("w", write)
            assert totals(connection) == {f"customer:{n}": 200 for n in range(3)}
            assert usage.pending() == {}
    finally:
        client.close()
        keeper.kill()
        keeper.remove()
