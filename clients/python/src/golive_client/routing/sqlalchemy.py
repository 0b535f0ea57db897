"""SQLAlchemy: sessions that read from replicas.

    Session = routed_sessionmaker(primary, {"replica": replica})       # engines on postgresql+psycopg
    with Session() as session: ...

A flush, DML, `with_for_update()` and, from the first write to the commit, every read use the primary.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from sqlalchemy import Engine, Select, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql import CompoundSelect, TextClause

from golive_client.routing.balancer import PRIMARY_POSITION, Balancer, Connect, connector
from golive_client.routing.choose import PRIMARY, Policy
from golive_client.routing.lsn import parse, written
from golive_client.routing.scope import current
from golive_client.routing.statement import is_read

SEEN = text("SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= CAST(:need AS pg_lsn)")


def _connector(engine: Engine) -> Connect:
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return connector(url)


class RoutedSession(Session):
    """A session over a primary and its replicas; made by `routed_sessionmaker`."""

    def __init__(self, *, primary: Engine, replicas: Mapping[str, Engine], balancer: Balancer, **options: Any) -> None:
        super().__init__(**options)
        self.primary, self.replicas, self.balancer = primary, replicas, balancer
        self._reader: Engine | None = None

    def get_bind(self, mapper: Any = None, *, clause: Any = None, **options: Any) -> Engine:
        """The engine of one statement. A transaction that reads stays with the server that it began on."""
        if self._flushing or not _is_read(clause):
            current().wrote = True
            return self.primary
        if current().wrote:
            return self.primary
        if self._reader is None:
            self._reader = self._choose()
        return self._reader

    def _choose(self) -> Engine:
        choice = self.balancer.choose()
        if choice.name == PRIMARY:
            return self.primary
        engine = self.replicas[choice.name]
        try:
            with engine.connect() as connection:
                need = current().need
                if need is None or connection.execute(SEEN, {"need": written(need)}).scalar():
                    return engine
        except (DBAPIError, psycopg.Error):
            self.balancer.failed(choice.name)
        return self.primary


def _is_read(clause: Any) -> bool:
    if isinstance(clause, Select):
        return clause._for_update_arg is None
    if isinstance(clause, TextClause):
        return is_read(clause.text)
    return isinstance(clause, CompoundSelect)


def routed_sessionmaker(
    primary: Engine,
    replicas: Mapping[str, Engine],
    policy: Policy | None = None,
    *,
    every_seconds: float = 0.5,
    **options: Any,
) -> sessionmaker[RoutedSession]:
    """A maker of routed sessions with a balancer of its own, started now: call it after a server's fork."""
    watched = {name: _connector(engine) for name, engine in replicas.items()}
    balancer = Balancer(_connector(primary), watched, policy, every_seconds=every_seconds).start()
    maker = sessionmaker(class_=RoutedSession, primary=primary, replicas=replicas, balancer=balancer, **options)
    event.listen(maker, "after_commit", _committed)
    event.listen(maker, "after_soft_rollback", _rolled_back)
    event.listen(maker, "after_transaction_end", _ended)
    return maker


def _committed(session: RoutedSession) -> None:
    if current().wrote:
        with session.primary.connect() as connection:
            row = connection.execute(text(PRIMARY_POSITION)).scalar()
        current().committed(parse(str(row)))


def _rolled_back(session: RoutedSession, _previous: Any) -> None:
    current().wrote = False


def _ended(session: RoutedSession, transaction: Any) -> None:
    if transaction.parent is None:
        session._reader = None
