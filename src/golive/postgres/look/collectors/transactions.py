"""Open transactions: idle ones hold locks and keep vacuum from cleaning up, everywhere in the database."""

from collections.abc import Sequence
from datetime import timedelta

from golive.alerts.models import Severity
from golive.postgres.look.collector import (
    Alarm,
    Collector,
    Column,
    Finding,
    Given,
    Level,
    Pace,
    Row,
    Server,
    statements,
)

IDLE_WARNING, LONG_WARNING, PAGES = 60, 15 * 60, 60 * 60


def read(server: Server) -> list[Row]:
    return server.rows(statements("activity")["open"])


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    said = []
    for row in found:
        who = f"{row['id']} ({row['application'] or row['role']})"
        if row["kind"] == "prepared":
            reason = f"prepared {row['transaction_seconds']:.0f} s ago and never finished: it holds its locks for ever"
            said.append(Finding(Level.CRITICAL, who, reason, "ROLLBACK PREPARED '…'; or COMMIT PREPARED '…';"))
        elif row["state"].startswith("idle in transaction") and (row["idle_seconds"] or 0) >= IDLE_WARNING:
            reason = f"idle in a transaction for {row['idle_seconds']:.0f} s after: {row['query'][:120]}"
            advice = f"SELECT pg_terminate_backend({row['id']});  -- and set idle_in_transaction_session_timeout"
            said.append(Finding(Level.WARNING, who, reason, advice))
        elif row["transaction_seconds"] >= LONG_WARNING:
            reason = f"one transaction for {row['transaction_seconds'] / 60:.0f} min; vacuum cannot pass it"
            said.append(Finding(Level.WARNING, who, reason, f"SELECT pg_cancel_backend({row['id']});"))
    return said


def alarms(found: Sequence[Row], given: Given) -> list[Alarm]:
    old = [row for row in found if row["transaction_seconds"] >= PAGES]
    if not old:
        return []
    row = max(old, key=lambda one: one["transaction_seconds"])
    reason = (
        f"{row['kind']} {row['id']} ({row['application'] or row['role']}, {row['state']}) has had a transaction open "
        f"for {row['transaction_seconds'] / 3600:.1f} h; vacuum is held back by {row['holds_back']} transactions"
    )
    return [Alarm("", Severity.WARNING, reason, "A transaction stays open", timedelta(seconds=0))]


COLLECTOR = Collector(
    "transactions",
    "Open transactions",
    "Does anything hold locks or vacuum back?",
    Pace.FAST,
    read,
    judge,
    (
        Column("id", "Process", "code"),
        Column("application", "Application"),
        Column("state", "State"),
        Column("transaction_seconds", "Open for", "duration"),
        Column("idle_seconds", "Idle for", "duration"),
        Column("holds_back", "Transactions held back", "number"),
        Column("query", "Last statement", "code"),
    ),
    alarms,
    order=32,
    of_others=True,
    empty="No transaction has been open for more than 10 seconds.",
)
