"""What was measured before: from the telemetry store, and nothing when it is away."""

from datetime import datetime, timedelta
from pathlib import Path

from golive.kit.named import queries
from golive.postgres.models import Database
from golive.telemetry import store

SQL = queries(Path(__file__).parent / "queries.sql")
LONGEST = timedelta(days=90)


def daily(database: Database, measure: str, now: datetime) -> list[tuple[datetime, float]]:
    """A measure's last value of each day of the past ninety."""
    since = int((now - LONGEST).timestamp() * 1000)
    try:
        found = store.rows(SQL["daily"], project=database.project.slug, name=f"golive.db.{measure}", since_ms=since)
    except store.StoreError:
        return []
    return [(row["at"], float(row["value"])) for row in found]


def over_time(
    database: Database, measure: str, since: datetime, until: datetime, step: timedelta
) -> tuple[list[float], list[float | None]]:
    """Instants (unix seconds) and the highest value of each step; None where there is none. Raises StoreError."""
    seconds = max(30, int(step.total_seconds()))
    begin, end = int(since.timestamp()) // seconds * seconds, int(until.timestamp())
    found = store.rows(
        SQL["measure"],
        project=database.project.slug,
        name=f"golive.db.{measure}",
        since=begin,
        until=end,
        step=seconds,
    )
    known = {int(row["at"]): float(row["value"]) for row in found}
    times = list(range(begin, end, seconds))
    return [float(at) for at in times], [known.get(at) for at in times]
