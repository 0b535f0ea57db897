"""Keep each enabled pool running, and watch it."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from django.utils import timezone

from golive.alerts.models import Severity, State
from golive.kit.periodic import Periodic, Process
from golive.postgres import conditions
from golive.postgres.choice import url_of
from golive.postgres.conditions import Judged
from golive.postgres.look.models import Snapshot
from golive.postgres.models import Database
from golive.postgres.pool import watch
from golive.postgres.pool.breaks import Break
from golive.postgres.pool.habits import habits
from golive.postgres.pool.process import PoolTrouble
from golive.postgres.pool.setup import bring_up, console_url, plan_of, pool_of
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble

log = logging.getLogger(__name__)
POOL, HABITS = "pool", "pool-habits"
MOST_HABITS = 50


def keep() -> None:
    """Start the pools that should run and do not; a database that is away keeps what was written before."""
    for database in Database.objects.select_related("project"):
        if not plan_of(database).enabled:
            continue
        try:
            bring_up(database)
        except PoolTrouble as error:
            log.warning("%s: %s", database.project.slug, error)
        except DatabaseTrouble as error:
            log.warning("%s: the pool is left as it is: %s", database.project.slug, error)
            if (pool_of(database).folder / "pgbouncer.ini").exists():
                pool_of(database).ensure(changed=False)


def look() -> None:
    """Read SHOW POOLS, keep it for the console, flip when clients wait on a full pool or it does not answer."""
    for database in Database.objects.select_related("project"):
        if not plan_of(database).enabled:
            continue
        now = timezone.now()
        try:
            found = watch.read(console_url(database))
            judged = watch.judge(found)
            rows = [{**vars(pool), "share": pool.share} for pool in found]
            Snapshot.objects.update_or_create(
                database=database, collector=POOL, defaults={"at": now, "rows": rows, "trouble": ""}
            )
        except DatabaseTrouble as error:
            title = "The connection pool does not answer"
            judged = Judged("pool", State.FIRING, Severity.CRITICAL, str(error), title, after=timedelta(seconds=30))
        conditions.settle(database, judged, now, f"/p/{database.project.slug}/database/")


def habits_of_all() -> None:
    """Keep for the console what transaction mode would break, whether or not there is a pool yet."""
    for database in Database.objects.select_related("project"):
        try:
            with session(url_of(database)) as connection:
                found, _ = habits(connection)
            keep_habits(database, found)
        except DatabaseTrouble as error:
            keep_habits(database, [], str(error))


def keep_habits(database: Database, found: Sequence[Break], trouble: str = "") -> None:
    """For page and API, whoever read the statements."""
    rows = [asdict(one) for one in found[:MOST_HABITS]]
    values = {"at": timezone.now(), "rows": rows, "trouble": trouble[:500]}
    Snapshot.objects.update_or_create(database=database, collector=HABITS, defaults=values)


PERIODIC = [
    Periodic("database pool habits", timedelta(hours=1), habits_of_all, Process.JOBS),
    Periodic("database pools", timedelta(seconds=60), keep, Process.JOBS),
    Periodic("database pool watch", timedelta(seconds=15), look, Process.JOBS),
]
