"""The archives that a database's plan declares, and when one is due."""

from datetime import datetime, timedelta

from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.base import Database

AGAIN = timedelta(hours=1)  # after a run that failed


def plans_of(database: Database) -> dict[str, ArchivePlan]:
    """By their names in golive.toml."""
    return {name: ArchivePlan.model_validate(plan) for name, plan in database.topic("archive").items()}


def is_due(every: timedelta | None, last: datetime | None, failed: bool, now: datetime) -> tuple[bool, str]:
    """Whether an archive runs now, and why. `last` is when the newest run was asked for."""
    if every is None:
        return False, "it runs by hand only: it has no `every`"
    if last is None:
        return True, "it has never run"
    wait = min(AGAIN, every) if failed else every
    if now - last >= wait:
        return True, "the last run failed" if failed else "its time has come"
    return False, "it ran a while ago"
