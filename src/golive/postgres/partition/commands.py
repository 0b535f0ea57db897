"""`golive db partition`: what would happen, do it, stop it, take it back, keep the policy."""

import sys
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import orjson
import psycopg
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.console import words
from golive.people import audit
from golive.people.choice import WRONG_INPUT
from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice.workload import from_statistics
from golive.postgres.choice import admin_url_of, chosen, url_of
from golive.postgres.partition import steps
from golive.postgres.partition.bounds import Span, next_start, start_of
from golive.postgres.partition.copy import Shadow
from golive.postgres.partition.declared import plans_of
from golive.postgres.partition.divide import How, Part, by_hash, by_list
from golive.postgres.partition.locks import as_text
from golive.postgres.partition.plan import Every
from golive.postgres.partition.policy import keep_policy
from golive.postgres.partition.prune import pruning
from golive.postgres.partition.shape import look, refusal
from golive.postgres.partition.steps import Names
from golive.postgres.partition.wrap import Done, abort, next_numbers, undo, wrap
from golive.postgres.session import Connection, Statement, session

app = typer.Typer()
partition_app = typer.Typer(no_args_is_help=True, help="Native partitions for a live table.")
app.add_typer(partition_app, name="partition")

ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]
TableArgument = Annotated[str, typer.Argument(help="The table, such as events or app.events.")]
FOREVER = timedelta()


class Mode(StrEnum):
    """How a table is converted."""

    WRAP = "wrap"
    COPY = "copy"


def tell(text: str) -> None:
    """Where we are, on standard error."""
    typer.echo(f"  {text} ...", err=True)


@partition_app.command()
def convert(
    table: TableArgument,
    by: Annotated[str, typer.Option(help="The column of its time.")],
    every: Annotated[Every, typer.Option(help="The length of a partition.")] = Every.MONTH,
    how: Annotated[How, typer.Option(help="range of time; hash or list of tenants.")] = How.RANGE,
    parts: Annotated[int, typer.Option(min=1, max=1000, help="Parts of a hash; largest values of a list.")] = 16,
    mode: Annotated[
        Mode | None, typer.Option(help="wrap moves no row (ranges, the default); copy splits history too.")
    ] = None,
    ahead: Annotated[int, typer.Option(min=1, max=60, help="Partitions made ahead.")] = 3,
    apply: Annotated[bool, typer.Option("--apply", help="Do it with [database] admin; without, only say.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a conversion would do and which statements would prune; with --apply do it, under short locks."""
    database = chosen(project)
    mode = mode or (Mode.WRAP if how is How.RANGE else Mode.COPY)
    if mode is Mode.WRAP and how is not How.RANGE:
        typer.echo("Wrapping needs ranges of time: rows of one tenant lie all over. Use --mode copy.", err=True)
        raise typer.Exit(WRONG_INPUT)
    if not apply:
        with session(url_of(database)) as connection:
            raise typer.Exit(_preview(connection, table, by, every, mode, how, parts, as_json))
    with session(admin_url_of(database), read_only=False, statement_timeout=FOREVER) as connection:
        now = timezone.now()
        if mode is Mode.WRAP:
            done = wrap(connection, table, by, every, ahead, now, tell)
        else:
            done = Shadow(connection, table, by, tell).convert(every, ahead, now, how, parts)
    audit.record("cli", "database.partition", table, project=database.project, mode=mode.value)
    _show(done, as_json)


def _preview(
    connection: Connection, table: str, by: str, every: Every, mode: Mode, how: How, parts: int, as_json: bool
) -> int:
    shape = look(connection, table)
    reason = refusal(shape, by, how)
    with suppress(psycopg.errors.InsufficientPrivilege):  # golive's role may read tables, not always sequences
        next_numbers(connection, shape)
    names = Names(shape.schema, shape.name)
    bound = next_start(start_of(timezone.now().date(), every), every)
    samples: dict[How, Span | Part] = {
        How.RANGE: Span(f"{shape.name}_next", bound, next_start(bound, every)),
        How.HASH: by_hash(shape.name, parts)[0],
        How.LIST: by_list(shape.name, [])[-1],
    }
    before: list[Statement] = []
    swap = steps.swap_copy(shape, names)
    if mode is Mode.WRAP:
        before = [build for _, build in steps.key_indexes(shape, names, by)]
        before += [*steps.bound_check(shape, names, by, bound), steps.validate_bound(shape, names)]
        swap = steps.swap_wrap(shape, names, by, bound)
    script = as_text(
        [*before, *steps.parent(shape, names, by, how), *steps.partition(names, names.parent, samples[how]), *swap]
    )
    judged = pruning(from_statistics(connection), catalogs.read(connection), shape.schema, shape.name, by, how)
    if as_json:
        rows = [{"text": one.statement.text, "prunes": one.prunes, "reason": one.reason} for one in judged]
        said = {"refused": reason, "script": script, "statements": rows}
        sys.stdout.write(orjson.dumps(said).decode() + "\n")
    else:
        if reason:
            typer.echo(f"Not possible as it is: {reason}.")
        listed = Table("prunes", "calls", "statement", "because")
        for one in judged:
            word = {True: "yes", False: "no", None: "unknown"}[one.prunes]
            listed.add_row(
                word, words.grouped(one.statement.calls), " ".join(one.statement.text.split())[:80], one.reason
            )
        Console().print(listed)
        for statement in [] if reason else script:
            typer.echo(f"{statement};")
        typer.echo(
            "Nothing was changed. --apply does it, with the indexes, keys, partitions and sequences' next numbers as "
            "they are by then, under short locks. Undo: golive db partition undo (wrap)."
        )
    return 1 if reason else 0


def _show(done: Done, as_json: bool) -> None:
    if as_json:
        said = {
            "table": done.table,
            "mode": done.mode,
            "seconds": round(done.seconds, 3),
            "longest_lock_ms": round(done.longest_lock_ms, 1),
            "locks": {name: round(held.held_ms, 1) for name, held in done.locks.items()},
            "partitions": done.partitions,
            "rows": done.rows,
            "notes": done.notes,
        }
        sys.stdout.write(orjson.dumps(said).decode() + "\n")
        return
    typer.echo(f"{done.table}: done in {done.seconds:.1f} s; longest lock {done.longest_lock_ms:.0f} ms.")
    for note in done.notes:
        typer.echo(f"  {note}")


@partition_app.command(name="abort")
def abort_command(table: TableArgument, project: ProjectOption = None) -> None:
    """Take away what an unfinished conversion has left."""
    database = chosen(project)
    with session(admin_url_of(database), read_only=False, statement_timeout=FOREVER) as connection:
        key = look(connection, table).primary
        Shadow(connection, table, key[0] if key else "", tell).abort()
        abort(connection, table, tell)
    audit.record("cli", "database.partition_abort", table, project=database.project)


@partition_app.command(name="undo")
def undo_command(table: TableArgument, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Make a wrapped table an ordinary one again, with the rows that came since."""
    database = chosen(project)
    with session(admin_url_of(database), read_only=False, statement_timeout=FOREVER) as connection:
        done = undo(connection, table, tell)
    audit.record("cli", "database.partition_undo", table, project=database.project, rows=done.rows)
    _show(done, as_json)


@partition_app.command()
def upkeep(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Make the declared tables' partitions ahead and detach old ones, as the jobs process does every hour."""
    database = chosen(project)
    plans = plans_of(database)
    if not plans:
        typer.echo("golive.toml declares no [database.partition.NAME].", err=True)
        raise typer.Exit(WRONG_INPUT)
    said = {}
    with session(admin_url_of(database), read_only=False, statement_timeout=FOREVER) as connection:
        for name, plan in plans.items():
            made, gone = keep_policy(connection, plan, timezone.now())
            said[name] = {"made": made, "detached": gone}
    if as_json:
        sys.stdout.write(orjson.dumps(said).decode() + "\n")
    else:
        for name, each in said.items():
            typer.echo(
                f"{name}: made {', '.join(each['made']) or 'none'}; detached {', '.join(each['detached']) or 'none'}."
            )
