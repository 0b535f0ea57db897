"""The database: one engine with a bounded pool, one session per request."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from acme.settings import Settings

POOL_NAME = "acme"


def make_engine(settings: Settings) -> Engine:
    """An engine whose pool holds `pool_size` connections and never more."""
    return create_engine(
        make_url(settings.database_url).set(drivername="postgresql+psycopg"),
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.pool_timeout_seconds,
        pool_pre_ping=True,
        pool_logging_name=POOL_NAME,
        connect_args={"application_name": "acme", "connect_timeout": 5},
    )


def session_of(request: Request) -> Iterator[Session]:
    """The request's session; what was not committed is rolled back at the end."""
    factory: sessionmaker[Session] = request.app.state.sessions
    with factory() as session:
        yield session


Db = Annotated[Session, Depends(session_of, scope="function")]
