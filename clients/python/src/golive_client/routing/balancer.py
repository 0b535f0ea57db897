"""Watches primary and replicas from a thread of its own, and says who answers a read."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from golive_client.routing.choose import PRIMARY, Choice, Policy, Replica, choose, pause
from golive_client.routing.lag import Positions
from golive_client.routing.lsn import parse
from golive_client.routing.scope import current, is_heavy

Connect = Callable[[], "psycopg.Connection[Any]"]
PRIMARY_POSITION = "SELECT pg_current_wal_insert_lsn()::text"
REPLICA_STATE = (
    "SELECT coalesce(pg_last_wal_replay_lsn(), '0/0')::text, pg_is_in_recovery(), "
    "(SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend')"
)
SEEN = "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= %s::pg_lsn"


def connector(url: str) -> Connect:
    """Connections for the watch: quick to give up."""

    def connect() -> "psycopg.Connection[Any]":
        return psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=2,
            prepare_threshold=None,
            application_name="golive routing",
            options="-c statement_timeout=2000",
            tcp_user_timeout=3000,
        )

    return connect


@dataclass
class _Watched:
    connect: Connect
    state: Replica
    failures: int = 0
    busy: int = 0


class Balancer:
    """`choose` for the current scope. Each server is watched by a thread: a dead one keeps no other waiting."""

    def __init__(
        self,
        primary: Connect,
        replicas: Mapping[str, Connect],
        policy: Policy | None = None,
        *,
        every_seconds: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if PRIMARY in replicas:
            raise ValueError(f"a replica cannot be called {PRIMARY!r}")
        self.policy, self.every_seconds, self.clock = policy or Policy(), every_seconds, clock
        self._primary = primary
        self._watched = {name: _Watched(connect, Replica(name)) for name, connect in replicas.items()}
        self._positions = Positions()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> "Balancer":
        """Begin to watch. In a server that forks, call this after the fork."""
        targets: list[tuple[str, Connect, Callable[[psycopg.Connection[Any]], None]]] = [
            (PRIMARY, self._primary, self._look_at_primary)
        ]
        for name, watched in self._watched.items():
            targets.append((name, watched.connect, self._looker(name)))
        for name, connect, look in targets:
            thread = threading.Thread(
                target=self._watch, args=(name, connect, look), daemon=True, name=f"routing {name}"
            )
            self._threads.append(thread)
            thread.start()
        return self

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        for thread in self._threads:
            thread.join(5)

    def choose(self) -> Choice:
        """Who answers the next read of this scope."""
        scope = current()
        choice = choose(self.replicas(), scope.need, self.clock(), self.policy, declared=is_heavy(), wrote=scope.wrote)
        scope.choices.append(choice.name)
        return choice

    def replicas(self) -> list[Replica]:
        """What is known of each, with what this process asks of it now added to its load and its lag as of now."""
        now = self.clock()
        with self._lock:
            return [
                replace(
                    one.state,
                    load=max(one.state.load, one.busy) + one.busy,
                    lag_seconds=None if one.state.replayed is None else self._positions.lag(one.state.replayed, now),
                )
                for one in self._watched.values()
            ]

    def took(self, name: str) -> None:
        """A read of this process begins there."""
        if name in self._watched:
            with self._lock:
                self._watched[name].busy += 1

    def gave_back(self, name: str) -> None:
        """It has ended."""
        if name in self._watched:
            with self._lock:
                self._watched[name].busy -= 1

    def failed(self, name: str) -> None:
        """A replica did not answer: leave it alone for a while, longer each time, or until the watch hears it."""
        if name in self._watched:
            with self._lock:
                one = self._watched[name]
                one.failures += 1
                one.state = replace(one.state, closed_until=self.clock() + pause(one.failures), checked_at=None)

    def _watch(self, name: str, connect: Connect, look: "Callable[[psycopg.Connection[Any]], None]") -> None:
        connection: psycopg.Connection[Any] | None = None
        while not self._stop.is_set():
            try:
                if connection is None:
                    connection = connect()
                look(connection)
            except (psycopg.Error, OSError):
                self.failed(name)
                with suppress(psycopg.Error):
                    if connection is not None:
                        connection.close()
                connection = None
            self._stop.wait(self.every_seconds)
        if connection is not None:
            connection.close()

    def _look_at_primary(self, connection: "psycopg.Connection[Any]") -> None:
        at = self.clock()
        row = connection.execute(PRIMARY_POSITION).fetchone()
        if row is not None:
            with self._lock:
                self._positions.note(at, parse(row[0]))

    def _looker(self, name: str) -> "Callable[[psycopg.Connection[Any]], None]":
        def look(connection: "psycopg.Connection[Any]") -> None:
            row = connection.execute(REPLICA_STATE).fetchone()
            if row is None:
                return
            with self._lock:
                one = self._watched[name]
                one.failures = 0
                one.state = Replica(
                    name, replayed=parse(row[0]), load=float(row[2]), checked_at=self.clock(), in_recovery=bool(row[1])
                )

        return look
