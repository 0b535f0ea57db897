"""Runs migrations online, one process at a time."""

from alembic import context
from sqlalchemy import text

from acme.database import make_engine
from acme.models import Base
from acme.settings import Settings

_LOCK = 7_233_001  # any number, the same in all processes

settings = context.config.attributes.get("settings") or Settings.from_environment()
engine = make_engine(settings)
with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
    connection.commit()
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
    connection.commit()
engine.dispose()
