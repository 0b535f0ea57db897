"""Counters that are written behind: many increments in Redis, few writes to the database, none lost or counted twice.

`add` increments a hash. `flush` renames the hash to a batch of its own (one atomic step), writes the batch with its id,
and deletes it. Killed before the delete, the batch is found and written again: the sink must know the id, as
`postgres_sink` does by keeping it in the same transaction.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from psycopg import sql

Sink = Callable[[str, Mapping[str, int]], None]

_TAKE = """
if redis.call('exists', KEYS[1]) == 0 then return 0 end
redis.call('rename', KEYS[1], KEYS[2])
redis.call('sadd', KEYS[3], ARGV[1])
return 1
"""
_DONE = "redis.call('del', KEYS[1]) redis.call('srem', KEYS[2], ARGV[1]) return 1"
_CLAIM = "return redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0"
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class Counters:
    """Usage counters. Redis should keep its data (appendonly yes): what it forgets nobody can know."""

    def __init__(self, redis: Any, prefix: str, *, claim_seconds: float = 30.0) -> None:
        self.redis, self.prefix, self.claim_seconds = redis, prefix, claim_seconds

    def add(self, name: str, amount: int = 1) -> None:
        """Count. Costs one round trip and no database write."""
        self.redis.hincrby(f"{self.prefix}open", name, amount)

    def pending(self) -> dict[str, int]:
        """What is counted and not yet written."""
        found: dict[str, int] = {}
        for key in [f"{self.prefix}open", *(self._batch(each) for each in self._batches())]:
            for name, amount in self.redis.hgetall(key).items():
                text = name.decode() if isinstance(name, bytes) else name
                found[text] = found.get(text, 0) + int(amount)
        return found

    def flush(self, who: str, sink: Sink) -> int:
        """Write what is counted; also what somebody who died has left. How many batches were written.

        `sink(batch, amounts)` raises when it could not write; the batch then stays for the next time.
        """
        token, claim = f"{who}:{secrets.token_hex(8)}", f"{self.prefix}claim"
        if not self.redis.eval(_CLAIM, 1, claim, token, round(self.claim_seconds * 1000)):
            return 0
        try:
            fresh = secrets.token_hex(12)
            self.redis.eval(_TAKE, 3, f"{self.prefix}open", self._batch(fresh), f"{self.prefix}batches", fresh)
            written = 0
            for batch in self._batches():
                amounts = {
                    name.decode() if isinstance(name, bytes) else name: int(amount)
                    for name, amount in self.redis.hgetall(self._batch(batch)).items()
                }
                if amounts:
                    sink(batch, amounts)
                    written += 1
                self.redis.eval(_DONE, 2, self._batch(batch), f"{self.prefix}batches", batch)
            return written
        finally:
            self.redis.eval(_RELEASE, 1, claim, token)

    def _batches(self) -> list[str]:
        found = self.redis.smembers(f"{self.prefix}batches")
        return sorted(each.decode() if isinstance(each, bytes) else each for each in found)

    def _batch(self, batch: str) -> str:
        return f"{self.prefix}batch:{batch}"


def postgres_sink(connection: Any, table: str = "usage_counters") -> Sink:
    """A sink for psycopg: adds to (name, amount) rows, once for each batch. Makes its two tables when missing."""
    counters, batches = sql.Identifier(table), sql.Identifier(f"{table}_batches")
    with connection.transaction():
        connection.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY, amount bigint NOT NULL)").format(counters)
        )
        connection.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {} (batch text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
            ).format(batches)
        )

    def write(batch: str, amounts: Mapping[str, int]) -> None:
        with connection.transaction():
            fresh = connection.execute(
                sql.SQL("INSERT INTO {} (batch) VALUES (%s) ON CONFLICT DO NOTHING").format(batches), [batch]
            ).rowcount
            if fresh:
                connection.cursor().executemany(
                    sql.SQL(
                        "INSERT INTO {0} (name, amount) VALUES (%s, %s) "
                        "ON CONFLICT (name) DO UPDATE SET amount = {0}.amount + EXCLUDED.amount"
                    ).format(counters),
                    sorted(amounts.items()),
                )

    return write
