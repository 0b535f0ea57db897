"""`golive db partition`: what would happen, do it, stop it, take it back, keep the policy."""

import sys
from datetime import timedelta
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.console import words
from golive.people import audit
from golive.people.choice import WRONG_INPUT
from golive.postgres.choice import admin_url_of, chosen, url_of
from golive.postgres.partition.copy import REST, Shadow
from golive.postgres.partition.declared import plans_of
from golive.postgres.partition.divide import How
from golive.postgres.partition.plan import Every, Keys
from golive.postgres.partition.policy import keep_policy
from golive.postgres.partition.preview import Asked, Mode, Preview, preview
from golive.postgres.partition.shape import look
from golive.postgres.partition.wrap import Done, abort, undo, wrap
from golive.postgres.session import session

app = typer.Typer()
partition_app = typer.Typer(no_args_is_help=True, help="Native partitions for a live table.")
app.add_typer(partition_app, name="partition")

ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]
TableArgument = Annotated[str, typer.Argument(help="The table, such as events or app.events.")]
FOREVER = timedelta()


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
    keys: Annotated[
        Keys | None,
        typer.Option(
            help="Wrapped: each partition keeps the keys as they are, or those of the whole take in the column and "
            "an index is built. By itself each, unless other tables refer to it."
        ),
    ] = None,
    rest: Annotated[
        float, typer.Option(min=0, max=100, help="How long a copy rests, as a share of the time that it works.")
    ] = REST,
    ahead: Annotated[int, typer.Option(min=1, max=60, help="Partitions made ahead.")] = 3,
    apply: Annotated[bool, typer.Option("--apply", help="Do it with [database] admin; without, only say.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a conversion would do and which statements would prune; with --apply do it, under short locks."""
    asked = Asked(by, every, how, mode or (Mode.WRAP if how is How.RANGE else Mode.COPY), parts, keys)
    if asked.contradiction:
        typer.echo(asked.contradiction, err=True)
        raise typer.Exit(WRONG_INPUT)
    database = chosen(project)
    if not apply:
        with session(url_of(database)) as connection:
            raise typer.Exit(_say(preview(connection, table, asked, timezone.now().date()), as_json))
    with session(admin_url_of(database), read_only=False, statement_timeout=FOREVER) as connection:
        now = timezone.now()
        if asked.mode is Mode.WRAP:
            done = wrap(connection, table, by, every, ahead, now, tell, keys)
        else:
            done = Shadow(connection, table, by, tell, rest).convert(every, ahead, now, how, parts)
    audit.record("cli", "database.partition", table, project=database.project, mode=asked.mode.value)
    _show(done, as_json)


def _say(found: Preview, as_json: bool) -> int:
    if as_json:
        rows = [{"text": one.statement.text, "prunes": one.prunes, "reason": one.reason} for one in found.statements]
        said = {"refused": found.refused, "script": found.script, "builds": found.builds, "statements": rows}
        sys.stdout.write(orjson.dumps(said).decode() + "\n")
        return 1 if found.refused else 0
    if found.refused:
        typer.echo(f"Not possible as it is: {found.refused}.")
    listed = Table("prunes", "calls", "statement", "because")
    for one in found.statements:
        word = {True: "yes", False: "no", None: "unknown"}[one.prunes]
        listed.add_row(word, words.grouped(one.statement.calls), " ".join(one.statement.text.split())[:80], one.reason)
    Console().print(listed)
    for statement in [] if found.refused else found.script:
        typer.echo(f"{statement};")
    if found.builds:
        typer.echo(found.builds)
    typer.echo(
        "Nothing was changed. --apply does it, with the indexes, keys, partitions and sequences' next numbers as "
        "they are by then, under short locks. Undo: golive db partition undo (wrap)."
    )
    return 1 if found.refused else 0


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
