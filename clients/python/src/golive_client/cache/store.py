"""Values by key, computed once at a time."""

import json
import math
import random
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

Value = TypeVar("Value")
AWAY = (RedisConnectionError, RedisTimeoutError, OSError)

# Take the lock away only if it is still ours; write only if nobody invalidated while we computed.
_UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
_WRITE = """
for i = 3, #KEYS do
  if (redis.call('get', KEYS[i]) or '0') ~= ARGV[i + 1] then return 0 end
end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
if redis.call('get', KEYS[2]) == ARGV[3] then redis.call('del', KEYS[2]) end
return 1
"""


class Redis(Protocol):
    """What we use of a client of the `redis` package."""

    def get(self, name: str) -> Any: ...
    def mget(self, keys: Any) -> Any: ...
    def set(self, name: str, value: Any, *, nx: bool = ..., px: int | None = ...) -> Any: ...
    def delete(self, *names: str) -> Any: ...
    def incr(self, name: str) -> Any: ...
    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any: ...


class Cache:
    """A cache in Redis. When Redis is away the value is computed and nothing is kept: slower, never wrong.

    `lock_seconds` is how long one caller may compute before another tries as well. Values are JSON.
    """

    def __init__(
        self,
        redis: Redis,
        prefix: str = "",
        *,
        lock_seconds: float = 10.0,
        beta: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.redis, self.prefix, self.lock_seconds, self.beta = redis, prefix, lock_seconds, beta
        self._sleep, self._now = sleep, now

    def get_or_compute(
        self, key: str, compute: Callable[[], Value], ttl: float, *, tags: Iterable[str] = (), stale: float = 0.0
    ) -> Value:
        """The kept value, or a computed one. After `ttl` seconds an old value is still given for `stale` more while
        one caller computes. Shortly before the end one caller, by chance, computes early, so that nobody ever waits.
        """
        names = sorted(set(tags))
        try:
            kept = self._read(key, names)
        except AWAY:
            return compute()
        if kept is not None and not self._due(kept):
            value: Value = kept["value"]
            return value
        return self._compute(key, compute, ttl, names, stale, kept)

    def invalidate(self, key: str | None = None, *, tag: str | None = None) -> None:
        """Forget a key, or everything that carries a tag: a value being computed right now is not kept either."""
        if key is not None:
            self.redis.incr(self._name("version", f"key:{key}"))
            self.redis.delete(self._name("value", key))
        if tag is not None:
            self.redis.incr(self._name("version", tag))

    def _name(self, kind: str, key: str) -> str:
        return f"{self.prefix}{kind}:{key}"

    def _versions(self, key: str, tags: list[str]) -> list[str]:
        return [self._name("version", f"key:{key}"), *(self._name("version", tag) for tag in tags)]

    def _read(self, key: str, tags: list[str]) -> dict[str, Any] | None:
        text, *versions = self.redis.mget([self._name("value", key), *self._versions(key, tags)])
        if text is None:
            return None
        kept: dict[str, Any] = json.loads(text)
        return kept if kept["versions"] == [_text(each) for each in versions] else None

    def _due(self, kept: dict[str, Any]) -> bool:
        """Past its time, or by chance shortly before: the likelier the longer computing takes (XFetch)."""
        early = kept["took"] * self.beta * -math.log(1.0 - random.random())  # noqa: S311
        return bool(self._now() + early >= kept["until"])

    def _compute(
        self,
        key: str,
        compute: Callable[[], Value],
        ttl: float,
        tags: list[str],
        stale: float,
        kept: dict[str, Any] | None,
    ) -> Value:
        lock, token = self._name("lock", key), secrets.token_hex(8)
        deadline = self._now() + self.lock_seconds
        while True:
            try:
                if self.redis.set(lock, token, nx=True, px=round(self.lock_seconds * 1000)):
                    newer = self._read(key, tags)  # somebody may have kept it between our look and our lock
                    if newer is None or newer == kept or self._now() >= newer["until"]:
                        break
                    self._unlock(lock, token)
                    computed: Value = newer["value"]
                    return computed
                if kept is not None and self._now() < kept["until"] + kept["stale"]:
                    old: Value = kept["value"]
                    return old
                self._sleep(0.01 + random.random() * 0.03)  # noqa: S311
                fresh = self._read(key, tags)
                if fresh is not None and self._now() < fresh["until"]:
                    value: Value = fresh["value"]
                    return value
            except AWAY:
                return compute()
            if self._now() >= deadline:
                return compute()  # whoever holds the lock is stuck: do not wait for ever
        return self._keep(key, compute, ttl, tags, stale, lock, token)

    def _keep(
        self, key: str, compute: Callable[[], Value], ttl: float, tags: list[str], stale: float, lock: str, token: str
    ) -> Value:
        names = self._versions(key, tags)
        try:
            versions = [_text(each) for each in self.redis.mget(names)]
        except AWAY:
            return compute()
        began = self._now()
        try:
            value = compute()
        except BaseException:
            self._unlock(lock, token)
            raise
        took = self._now() - began
        text = json.dumps(
            {"value": value, "until": self._now() + ttl, "stale": stale, "took": took, "versions": versions}
        )
        keep_for = max(round((ttl + stale) * 1000), 1)
        try:
            keys = (self._name("value", key), lock, *names)
            # ARGV[3] is the token; the version of KEYS[i] is ARGV[i + 1].
            if not self.redis.eval(_WRITE, len(keys), *keys, text, keep_for, token, *versions):
                self._unlock(lock, token)
        except AWAY:
            pass
        return value

    def _unlock(self, lock: str, token: str) -> None:
        with suppress(*AWAY):
            self.redis.eval(_UNLOCK, 1, lock, token)


def _text(value: Any) -> str:
    return "0" if value is None else value.decode() if isinstance(value, bytes) else str(value)
