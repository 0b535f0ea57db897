"""Once an hour: what replicas could take over, and how each sees itself, kept for the console."""

import logging
from dataclasses import asdict
from datetime import timedelta

from django.utils import timezone

from golive.kit.periodic import Periodic, Process
from golive.postgres.choice import replica_urls_of, url_of
from golive.postgres.look.models import Snapshot
from golive.postgres.models import Database
from golive.postgres.replicas.measure import itself, measured
from golive.postgres.replicas.movable import Movable
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble

log = logging.getLogger(__name__)
MOVABLE, REPLICAS = "movable", "replicas"


def measure() -> None:
    """For each database."""
    for database in Database.objects.select_related("project"):
        try:
            with session(url_of(database)) as connection:
                keep_measured(database, measured(connection))
        except DatabaseTrouble as error:
            _kept(database, MOVABLE, [], str(error))


def keep_measured(database: Database, found: Movable) -> None:
    """For page and API, whoever measured it."""
    row = asdict(found)
    row["gain"] = {str(count): times for count, times in found.gain.items()}
    _kept(database, MOVABLE, [row])


def ask() -> None:
    """Each declared replica of each database."""
    for database in Database.objects.select_related("project"):
        try:
            urls = replica_urls_of(database)
        except DatabaseTrouble as error:
            log.warning("%s: %s", database.project.slug, error)
            continue
        if urls:
            _kept(database, REPLICAS, [itself(url) for url in urls])


def _kept(database: Database, what: str, rows: list[dict[str, object]], trouble: str = "") -> None:
    values = {"at": timezone.now(), "rows": rows, "trouble": trouble[:500]}
    Snapshot.objects.update_or_create(database=database, collector=what, defaults=values)


PERIODIC = [
    Periodic("database replicas' part", timedelta(hours=1), measure, Process.JOBS),
    Periodic("database replicas asked", timedelta(minutes=1), ask, Process.JOBS),
]
