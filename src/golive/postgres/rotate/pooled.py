"""The pool that golive runs, as a rotation sees it: it lets new roles in, and knows who still comes as the old one."""

from contextlib import suppress
from dataclasses import dataclass

from golive.postgres.models import Database
from golive.postgres.pool.setup import bring_up, console_url, plan_of, pool_of
from golive.postgres.pool.watch import ask
from golive.postgres.trouble import DatabaseAway

LET_GO_SECONDS = 1


@dataclass(frozen=True)
class Pooled:
    """In transaction mode a client may have no session on the server for hours and still come back: asked here."""

    database: Database

    def admit(self) -> None:
        """Take the roles that may log in by now; clients and their transactions are not disturbed."""
        bring_up(self.database)

    def clients(self, role: str) -> int:
        """How many clients are connected as this role."""
        return sum(1 for row in ask(console_url(self.database), "SHOW CLIENTS")[0] if row["user"] == role)

    def let_go(self) -> None:
        """Close server connections that idle, so that none is kept for a role whose clients have left.

        Not by RECONNECT: it breaks off the logins that are under way, and PgBouncer then refuses the waiting clients
        of any role (`server_login_retry`).
        """
        ask(console_url(self.database), f"SET server_idle_timeout = {LET_GO_SECONDS}")

    def keep(self) -> None:
        """Keep idle server connections as the files say; a pool that is gone reads them when it starts."""
        with suppress(DatabaseAway):
            ask(console_url(self.database), "RELOAD")


def pooled(database: Database) -> Pooled | None:
    """The pool, when golive runs one."""
    return Pooled(database) if plan_of(database).enabled and pool_of(database).process() is not None else None
