"""psycopg: one pool a server, and reads that are asked again elsewhere when a server fails.

pool = RoutedPool(primary_url, {"replica": replica_url})
with pool.write() as connection: ...                       # the primary; committed at the end, the token moves
rows = pool.read("SELECT * FROM reports WHERE day = %s", [day])
with pool.reading() as connection: ...                     # a connection to whoever may answer
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolTimeout

from golive_client.routing.balancer import PRIMARY_POSITION, SEEN, Balancer, connector
from golive_client.routing.choose import PRIMARY, Policy
from golive_client.routing.lsn import parse, written
from golive_client.routing.scope import current
from golive_client.routing.statement import is_read

Connection = psycopg.Connection[Any]
Answer = TypeVar("Answer")
GONE = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, errors.ReadOnlySqlTransaction)


class RoutedPool:
    """Pools for a primary and its replicas. `max_size` is for each; `timeout` is how long to wait for a replica.

    After `primary_timeout` without a connection to the primary `write` raises PoolTimeout: a request should not hang.
    """

    def __init__(
        self,
        primary: str,
        replicas: Mapping[str, str],
        *,
        policy: Policy | None = None,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 0.5,
        primary_timeout: float = 5.0,
        every_seconds: float = 0.5,
    ) -> None:
        watched = {name: connector(url) for name, url in replicas.items()}
        self.timeout = timeout
        self.balancer = Balancer(connector(primary), watched, policy, every_seconds=every_seconds).start()
        self._pools = {
            name: ConnectionPool(
                url,
                min_size=min_size,
                max_size=max_size,
                open=True,
                name=name,
                timeout=primary_timeout if name == PRIMARY else timeout,
                reconnect_timeout=30,
                kwargs={"prepare_threshold": None, "connect_timeout": 2, **_options(name)},
            )
            for name, url in {PRIMARY: primary, **replicas}.items()
        }

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction on the primary. From here to its commit this scope reads there; then its token moves."""
        scope = current()
        with self._pools[PRIMARY].connection() as connection:
            scope.wrote = True
            try:
                yield connection
                connection.commit()
                row = connection.execute(PRIMARY_POSITION).fetchone()
                connection.rollback()
            except BaseException:
                scope.wrote = False
                raise
            if row is not None:
                scope.committed(parse(row[0]))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to whoever may answer; one that fails at once is replaced by the next, at last the primary."""
        name, connection = self._taken()
        pool = self._pools[name]
        try:
            yield connection
        except GONE:
            self.balancer.failed(name)
            raise
        finally:
            self.balancer.gave_back(name)
            if connection.info.transaction_status is not TransactionStatus.IDLE and not connection.closed:
                connection.rollback()
            pool.putconn(connection)

    def run(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do a piece of reading; when its server fails in the middle it is done again elsewhere."""
        for _ in range(len(self._pools)):
            name, connection = self._taken()
            try:
                answer = work(connection)
                if not connection.closed:
                    connection.rollback()
                return answer
            except GONE:
                if name == PRIMARY:
                    raise
                self.balancer.failed(name)
            finally:
                self.balancer.gave_back(name)
                self._pools[name].putconn(connection)
        with self._pools[PRIMARY].connection() as connection:
            return work(connection)

    def read(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> list[Any]:
        """The rows of one statement. What is no plain read, such as FOR UPDATE, is answered by the primary."""
        query: Any = statement
        if not is_read(statement):
            with self.write() as connection:
                cursor = connection.execute(query, parameters)
                return cursor.fetchall() if cursor.description else []
        return self.run(lambda connection: connection.execute(query, parameters).fetchall())

    def close(self) -> None:
        self.balancer.close()
        for pool in self._pools.values():
            pool.close()

    def _taken(self) -> tuple[str, Connection]:
        """Who answers and a connection to it that has seen what the scope must see."""
        for _ in range(len(self._pools)):
            name = self.balancer.choose().name
            if name == PRIMARY:
                break
            connection: Connection | None = None
            self.balancer.took(name)
            try:
                connection = self._pools[name].getconn(self.timeout)
                if self._has_seen(connection):
                    return name, connection
            except GONE:
                self.balancer.failed(name)
            self.balancer.gave_back(name)
            if connection is not None:
                self._pools[name].putconn(connection)
                if not connection.closed:
                    break  # it lives, it only has not seen enough
        return PRIMARY, self._pools[PRIMARY].getconn()

    @staticmethod
    def _has_seen(connection: Connection) -> bool:
        """Asked on the very connection that will answer: what the watch knew may be of a server since replaced."""
        need = current().need
        if need is None:
            return True
        row = connection.execute(SEEN, [written(need)]).fetchone()
        connection.rollback()
        return bool(row and row[0])


def _options(name: str) -> dict[str, str]:
    return {} if name == PRIMARY else {"options": "-c default_transaction_read_only=on"}
