"""`golive db replica`: make one, take it away, how they stand, and what they could take over."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.people import audit, secrets
from golive.people.secrets import SecretError
from golive.postgres.choice import admin_url_of, chosen, replica_urls_of, url_of
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.run import look
from golive.postgres.replicas import make
from golive.postgres.replicas.measure import itself, measured
from golive.postgres.replicas.tasks import keep_measured
from golive.postgres.session import session

app = typer.Typer()
replica_app = typer.Typer(
    no_args_is_help=True, help="Read replicas: made, removed, watched, and what they would bring."
)
app.add_typer(replica_app, name="replica")

ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Do it; without this it is only said.")]
FolderOption = Annotated[Path, typer.Option(help="The folder that holds its data, on this machine.")]


@replica_app.command()
def add(
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits and _.")],
    folder: FolderOption,
    port: Annotated[int, typer.Option(min=1024, max=65535, help="The port it listens on, at 127.0.0.1.")],
    project: ProjectOption = None,
    apply: ApplyOption = False,
) -> None:
    """Make a replica on this machine with pg_basebackup and a slot of its own; without --apply only say so."""
    database = chosen(project)
    wish = make.Wish(name, folder.absolute(), port, admin_url_of(database))
    version = make.check(wish)
    for number, step in enumerate(make.steps(wish), 1):
        typer.echo(f"{number}. {step.what}\n      undo: {step.undo}")
    if not apply:
        typer.echo(f"Everything is there for it (PostgreSQL {version}). Do it with --apply.")
        return
    url = make.make(wish)
    kept = f"{database.project.slug}.replica.{name}"
    secrets.put(kept, url)
    secrets.put(f"{kept}.folder", str(wish.folder))
    audit.record("cli", "database.replica.add", name, project=database.project, port=port)
    typer.echo(f'Replica {name} answers on port {port}. Now write: [database] replicas = ["secret:{kept}"]')


@replica_app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The replica's name.")],
    project: ProjectOption = None,
    folder: Annotated[Path | None, typer.Option(help="Its folder, when golive did not make it.")] = None,
    apply: ApplyOption = False,
) -> None:
    """Stop a replica that golive made, drop its slot and delete its folder."""
    database = chosen(project)
    kept = f"{database.project.slug}.replica.{name}"
    if folder is None:
        try:
            folder = Path(secrets.get(f"{kept}.folder"))
        except SecretError as error:
            raise make.ReplicaTrouble(f"golive made no replica {name}; say its --folder.") from error
    wish = make.Wish(name, folder.absolute(), 0, admin_url_of(database))
    if not apply:
        typer.echo(f"Would stop {name}, drop slot {wish.slot} and delete {wish.folder}. Do it with --apply.")
        return
    make.remove(wish)
    secrets.remove(kept)
    secrets.remove(f"{kept}.folder")
    audit.record("cli", "database.replica.remove", name, project=database.project)
    typer.echo(f"Replica {name} is gone, and so is its slot.")


@replica_app.command()
def status(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """How the primary sees its replicas and slots, and how each declared replica sees itself; exit 1 on trouble."""
    database = chosen(project)
    (seen,) = look(database, timezone.now(), [COLLECTORS["replication"]])
    own = [itself(url) for url in replica_urls_of(database)]
    if as_json:
        sys.stdout.write(orjson.dumps({"primary": seen.rows, "replicas": own}, default=str).decode() + "\n")
    else:
        table = Table("seen by", "what", "state", "lag", "WAL kept")
        for row in seen.rows:
            lag = "" if row["lag_seconds"] is None else f"{row['lag_seconds']:.1f} s"
            kept = "" if row["retained_bytes"] is None else f"{row['retained_bytes'] / 1e6:.0f} MB"
            table.add_row(
                "primary", f"{row['kind']} {row['name']}", "connected" if row["active"] else "away", lag, kept
            )
        for replica in own:
            table.add_row("itself", str(replica["place"]), str(replica["state"]), "", "")
        Console().print(table)
    bad = [finding for finding in seen.findings if finding["level"] in ("critical", "warning")]
    for finding in bad:
        typer.echo(f"{finding['subject']}: {finding['reason']}", err=True)
    raise typer.Exit(1 if bad or any(not replica["ok"] for replica in own) else 0)


@replica_app.command()
def report(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """What share of the load could move to replicas, and how much room that gives; exit 2 when not measured."""
    database = chosen(project)
    with session(url_of(database)) as connection:
        found = measured(connection)
    keep_measured(database, found)
    if as_json:
        sys.stdout.write(orjson.dumps(asdict(found), option=orjson.OPT_NON_STR_KEYS).decode() + "\n")
    else:
        typer.echo(f"{found.reason[0].upper()}{found.reason[1:]} ({found.statements} statements).")
        for count, times in found.gain.items():
            typer.echo(f"  {count} replica{'s' if count > 1 else ''}: up to {times:.1f}x the load of today's primary")
    raise typer.Exit(0 if found.total_ms else 2)
