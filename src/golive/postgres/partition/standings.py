"""Every declared partitioned table as the server says now; unknown where it does not answer."""

from datetime import timedelta

from django.utils import timezone

from golive.postgres.base import Database
from golive.postgres.choice import url_of
from golive.postgres.partition import declared
from golive.postgres.partition.standing import Standing, look, unknown
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble

PATIENCE = timedelta(seconds=2)


def standings(database: Database) -> list[Standing]:
    """In the order of golive.toml."""
    plans = declared.plans_of(database)
    if not plans:
        return []
    today = timezone.now().date()
    try:
        with session(url_of(database), statement_timeout=PATIENCE) as connection:
            return [look(connection, name, plan, today) for name, plan in plans.items()]
    except DatabaseTrouble as error:
        return [unknown(name, plan, str(error)) for name, plan in plans.items()]
