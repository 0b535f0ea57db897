"""`golive db cache`: would Redis pay?"""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.console import words
from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice.access import ParseError, read
from golive.postgres.advice.arguments import samples
from golive.postgres.advice.trigger import reads_too_much
from golive.postgres.advice.whatif import CannotPrice, WhatIf
from golive.postgres.advice.workload import Statement, from_log, from_statistics, joined
from golive.postgres.cache.worth import Judged, Load, Read, Worth, headline, judge
from golive.postgres.choice import chosen, url_of
from golive.postgres.session import Connection, one, session

app = typer.Typer()


@app.command()
def cache(
    log: Annotated[Path | None, typer.Option(help="A server log: how often arguments repeat.")] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="The database's cores, when it is elsewhere.")] = None,
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Say from measurements whether a cache would pay; exit 0 when none is needed, 1 when one pays, 2 unknown."""
    database = chosen(project)
    known = database.topic("machine").get("cores")
    logged = from_log(log.read_text(errors="replace")) if log else []
    with session(url_of(database)) as connection:
        statements = joined(from_statistics(connection), logged)
        load = Load(
            _window(connection), sum(each.total_ms for each in statements), cores or known or os.cpu_count() or 1
        )
        judged = [judge(each, load) for each in _reads(connection, statements)]
    if as_json:
        rows = [
            {"text": each.read.text, "worth": each.worth, "reason": each.reason, "hit_rate": each.hit_rate}
            for each in judged
        ]
        said = {"headline": headline(judged, load), "busy": load.busy, "statements": rows}
        sys.stdout.write(orjson.dumps(said).decode() + "\n")
    else:
        _show(judged)
        typer.echo(headline(judged, load))
    kinds = {each.worth for each in judged}
    raise typer.Exit(1 if Worth.PAYS in kinds else 2 if Worth.UNKNOWN in kinds or not kinds else 0)


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


def _show(judged: list[Judged]) -> None:
    table = Table("verdict", "calls", "mean", "statement", "because")
    for each in judged[:30]:
        text = " ".join(each.read.text.split())[:80]
        mean = words.milliseconds(each.read.mean_ms)
        table.add_row(each.worth.value, words.grouped(each.read.calls), mean, text, each.reason)
    Console().print(table)
