"""The beat: one row that golive writes, by which lag, RPO and the right instant of a restore are known."""

import secrets
from datetime import datetime, timedelta

from golive.postgres.backups.models import Beat
from golive.postgres.choice import url_of
from golive.postgres.models import Database
from golive.postgres.session import one, session

KEPT = timedelta(days=30)
WRITE = """
INSERT INTO golive.heartbeat (id, at, nonce) VALUES (1, clock_timestamp(), %(nonce)s)
ON CONFLICT (id) DO UPDATE SET at = excluded.at, nonce = excluded.nonce
RETURNING at
"""


def beat(database: Database, url: str | None = None) -> Beat:
    """Write the row and remember it, by the server's own clock. Raises DatabaseTrouble when the table is missing."""
    nonce = secrets.token_hex(16)
    with session(url or url_of(database), read_only=False) as connection:
        at = one(connection, WRITE, {"nonce": nonce})["at"]
        segment = one(connection, "SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS name")["name"]
    return Beat.objects.create(database=database, at=at, nonce=nonce, segment=segment)


def forget(now: datetime) -> None:
    Beat.objects.filter(at__lt=now - KEPT).delete()


def expected(database: Database, target: datetime) -> Beat | None:
    """The beat that a database restored to this instant must hold."""
    return Beat.objects.filter(database=database, at__lte=target).order_by("-at").first()
