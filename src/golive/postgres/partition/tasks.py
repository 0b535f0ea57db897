"""The partition policy in the jobs process."""

import logging
from datetime import timedelta

from django.utils import timezone

from golive.kit.periodic import Periodic, Process
from golive.people import audit
from golive.postgres.base import Database
from golive.postgres.choice import admin_url_of
from golive.postgres.partition.declared import plans_of
from golive.postgres.partition.policy import keep_policy
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble

log = logging.getLogger(__name__)


def keep_all() -> None:
    """Every declared table of every database; one in trouble keeps no other waiting."""
    for database in Database.objects.select_related("project"):
        for name, plan in plans_of(database).items():
            try:
                with session(admin_url_of(database), read_only=False, statement_timeout=timedelta()) as connection:
                    made, gone = keep_policy(connection, plan, timezone.now())
            except DatabaseTrouble as error:
                log.warning("%s: partitions of %s: %s", database.project.slug, name, error)
                continue
            if made or gone:
                audit.record(
                    "golive", "database.partitions", plan.table, project=database.project, made=made, gone=gone
                )


PERIODIC = [Periodic("database partitions", timedelta(hours=1), keep_all, Process.JOBS)]
