"""Every reading statement judged: would a cache pay for it? From pg_stat_statements, and a server log's arguments."""

import os
from datetime import timedelta

from django.utils import timezone

from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice.access import ParseError, read
from golive.postgres.advice.arguments import samples
from golive.postgres.advice.trigger import reads_too_much
from golive.postgres.advice.whatif import CannotPrice, WhatIf
from golive.postgres.advice.workload import Statement, from_log, from_statistics, joined
from golive.postgres.base import Database
from golive.postgres.cache.worth import Judged, Load, Read, judge
from golive.postgres.choice import url_of
from golive.postgres.session import Connection, needs_statements, one, session


def look(database: Database, log: str = "", cores: int | None = None) -> tuple[list[Judged], Load]:
    """The verdicts, and the load that they were reached under. Raises DatabaseTrouble."""
    known = database.topic("machine").get("cores")
    with session(url_of(database)) as connection:
        needs_statements(connection)
        statements = joined(from_statistics(connection), from_log(log) if log else [])
        load = Load(
            _window(connection), sum(each.total_ms for each in statements), cores or known or os.cpu_count() or 1
        )
        return [judge(each, load) for each in _reads(connection, statements)], load


def _window(connection: Connection) -> timedelta:
    row = one(
        connection,
        "SELECT COALESCE(stats_reset, pg_postmaster_start_time()) AS since FROM pg_stat_database "
        "WHERE datname = current_database()",
    )
    return timezone.now() - row["since"] if row else timedelta()


def _reads(connection: Connection, statements: list[Statement]) -> list[Read]:
    catalog = catalogs.read(connection)
    whatif, found = WhatIf(connection), []
    for each in statements:
        try:
            reading = read(each.text, catalog)
        except ParseError:
            continue
        if reading.verb != "select" or not reading.accesses:
            continue
        tables = [access.table for access in reading.accesses]
        writes = float(sum(table.inserted + table.updated + table.deleted for table in tables))
        try:
            plan = whatif.plan(samples(each.text, reading, each.recorded)[0].text).tree
            too_much = reads_too_much(plan, catalog) is not None
        except CannotPrice:
            too_much = False
        found.append(Read(each.text, each.calls, each.total_ms, each.recorded, writes, too_much))
    return found
