"""`golive db connect`: print the script that makes golive's role, or run it."""

import sys
from typing import Annotated

import orjson
import typer

from golive.people import audit, secrets
from golive.people.choice import choose
from golive.postgres.choice import admin_url_of, database_of
from golive.postgres.connect import script, server
from golive.postgres.models import Database
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble

app = typer.Typer()


@app.command()
def connect(
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    role: Annotated[str, typer.Option(help="The name of golive's role.")] = "golive",
    name: Annotated[str, typer.Option(help="The database's name, when golive cannot ask it.")] = "",
    reads_data: Annotated[
        bool, typer.Option("--advice", help="Also grant SELECT: EXPLAIN and advice need it.")
    ] = False,
    heartbeat: Annotated[bool, typer.Option(help="A row by which lag and backups are measured.")] = True,
    apply: Annotated[bool, typer.Option("--apply", help="Run it with [database] admin.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Print the script that makes golive's least-privilege role; with --apply, run it and keep the URL as a secret."""
    chosen = choose(project)
    found = Database.objects.filter(project=chosen).first()
    if apply:
        database = database_of(chosen)
        done, url = server.carry_out(admin_url_of(database), role, reads_data=reads_data, heartbeat=heartbeat)
        kept = f"{chosen.slug}.database.url"
        secrets.put(kept, url)
        audit.record("cli", "database.connect", role, project=chosen, statements=len(done))
        if as_json:
            sys.stdout.write(orjson.dumps({"statements": len(done), "secret": kept}).decode() + "\n")
        else:
            typer.echo(f'Role {role} is ready ({len(done)} statements). Now write: [database] url = "secret:{kept}"')
        return
    known, note = _known(found, role, name or chosen.slug)
    text = script.printed(known, script.steps(known, role, reads_data=reads_data, heartbeat=heartbeat), role)
    if as_json:
        sys.stdout.write(orjson.dumps({"script": text, "note": note}).decode() + "\n")
    else:
        sys.stdout.write(text)
        if note:
            typer.echo(note, err=True)


def _known(database: Database | None, role: str, name: str) -> tuple[script.Server, str]:
    """What the server says of itself, or a script for one never seen and a note that says so."""
    if database is None or not database.admin:
        return script.Server(name), "Written without having seen the server: [database] admin names no URL."
    try:
        with session(admin_url_of(database)) as connection:
            return server.look(connection, role), ""
    except DatabaseTrouble as error:
        return script.Server(name), f"Written without having seen the server. {error}"
