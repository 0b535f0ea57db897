"""`golive db pool`: plan, run, watch and stop PgBouncer; what it would break; whether a driver fits."""

import sys
from dataclasses import asdict
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from golive.people import audit
from golive.people.secrets import is_reference, resolve
from golive.postgres.choice import chosen, url_of
from golive.postgres.pool import watch
from golive.postgres.pool.habits import habits
from golive.postgres.pool.probe import probe as try_out
from golive.postgres.pool.setup import bring_up, console_url, pool_of, prepare
from golive.postgres.pool.tasks import keep_habits
from golive.postgres.session import session

app = typer.Typer()
pool_app = typer.Typer(no_args_is_help=True, help="PgBouncer: planned, run and watched by golive.")
app.add_typer(pool_app, name="pool")

ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]
ActiveOption = Annotated[float | None, typer.Option(help="Sessions that compute at once at the usual peak.")]


def _print(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")


@pool_app.command()
def plan(project: ProjectOption = None, active: ActiveOption = None, as_json: JsonOption = False) -> None:
    """Show the size reckoned and the configuration that would be written; changes nothing."""
    prepared = prepare(chosen(project), active)
    if as_json:
        _print({**asdict(prepared.size), "configuration": prepared.files["pgbouncer.ini"]})
        return
    typer.echo(f"{prepared.size.each} server connections for each role, {prepared.size.in_all} in all.")
    typer.echo(f"Why: {prepared.size.reason}.\n\n{prepared.files['pgbouncer.ini']}")
    typer.echo("Undo: golive db pool stop, and let the application connect to the server again.")


@pool_app.command()
def start(
    project: ProjectOption = None,
    active: ActiveOption = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without this only what would be done is said.")
    ] = False,
) -> None:
    """Write the configuration and start PgBouncer, or reload it. It outlives golive."""
    database = chosen(project)
    if not apply:
        prepared = prepare(database, active)
        typer.echo(f"Would run PgBouncer on {prepared.plan.host}:{prepared.plan.port}: {prepared.size.reason}.")
        typer.echo("Do it with --apply; stop it again with `golive db pool stop`.")
        return
    prepared, done = bring_up(database, active)
    audit.record("cli", "database.pool", done, project=database.project, size=prepared.size.each)
    typer.echo(f"PgBouncer {done} on {prepared.plan.host}:{prepared.plan.port}; {prepared.size.reason}.")


@pool_app.command()
def stop(project: ProjectOption = None) -> None:
    """Stop PgBouncer in order; set `enabled = false` too, or `golive up` starts it again."""
    database = chosen(project)
    stopped = pool_of(database).stop()
    if stopped:
        audit.record("cli", "database.pool", "stopped", project=database.project)
    typer.echo("Stopped." if stopped else "It did not run.")


@pool_app.command()
def status(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """How each pool stands; exit 1 when clients wait on a full one, 2 when it does not answer."""
    found = watch.read(console_url(chosen(project)))
    judged = watch.judge(found)
    if as_json:
        _print([{**asdict(pool), "share": pool.share} for pool in found])
    else:
        table = Table("database", "role", "clients", "waiting", "longest wait", "in use", "idle", "allowed")
        for pool in found:
            numbers = (
                pool.clients,
                pool.waiting,
                f"{pool.max_wait_seconds:.1f} s",
                pool.in_use,
                pool.idle,
                pool.allowed,
            )
            table.add_row(pool.database, pool.role, *(str(number) for number in numbers))
        Console().print(table)
        typer.echo(f"{judged.reason[0].upper()}{judged.reason[1:]}.")
    raise typer.Exit(1 if judged.state == "firing" else 0)


@pool_app.command("breaks")
def breaks_(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """What the application does that transaction mode breaks; exit 1 when there is any."""
    database = chosen(project)
    with session(url_of(database)) as connection:
        found, count = habits(connection)
    keep_habits(database, found)
    if as_json:
        _print([asdict(one) for one in found])
    else:
        for one in found:
            typer.echo(f"{one.what} ({one.calls:.0f}x by {one.role}): {one.statement}")
            typer.echo(f"    {one.why}. Instead: {one.way_out}.")
        typer.echo(f"{len(found)} found in {count} statements.")
    raise typer.Exit(1 if found else 0 if count else 2)


@pool_app.command()
def probe(
    url: Annotated[str, typer.Argument(help="The pooler, by reference: env:NAME, file:PATH or secret:NAME.")],
    as_json: JsonOption = False,
) -> None:
    """Try out whether psycopg and a pooler fit each other; exit 1 when something does not work."""
    if not is_reference(url):
        raise typer.BadParameter("give a reference such as env:POOL_URL: a URL holds a password")
    found = try_out(resolve(url))
    if as_json:
        _print([asdict(one) for one in found])
    else:
        table = Table("tried", "", "detail", "instead")
        for one in found:
            table.add_row(one.what, "works" if one.works else "breaks", one.detail, one.way_out)
        Console().print(table)
    raise typer.Exit(0 if all(one.works for one in found) else 1)
