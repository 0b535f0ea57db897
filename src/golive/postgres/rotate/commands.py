"""`golive db rotate`: new credentials for the application, without a failed query."""

from datetime import timedelta
from typing import Annotated

import typer

from golive.kit.durations import DurationError, parse_duration
from golive.people import audit
from golive.postgres.choice import admin_url_of, chosen
from golive.postgres.rotate.plan import RotatePlan
from golive.postgres.rotate.pooled import pooled
from golive.postgres.rotate.turn import rotate as rotate_once
from golive.postgres.rotate.turn import steps
from golive.postgres.trouble import NotConfigured

app = typer.Typer()


@app.command()
def rotate(
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for sessions of the old role to end.")] = "10m",
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this it is only said.")] = False,
) -> None:
    """Give the application's other role a new password and lead it there; exit 1 when the old one is still used."""
    database = chosen(project)
    plan = RotatePlan.model_validate(database.topic("rotate"))
    if not plan.roles:
        raise NotConfigured("Nothing is to be rotated: write [database.rotate] with roles, owner and target.")
    try:
        patience: timedelta = parse_duration(wait)
    except DurationError as error:
        raise typer.BadParameter(str(error)) from error
    admin = admin_url_of(database)
    if not apply:
        for number, (what, undo) in enumerate(steps(admin, plan), 1):
            typer.echo(f"{number}. {what}\n      undo: {undo}")
        typer.echo("Do it with --apply.")
        return
    done, shut = rotate_once(admin, plan, patience, lambda note: typer.echo(f"  {note}"), pooled(database))
    audit.record("cli", "database.rotate", done.new, project=database.project, shut=done.old if shut else "")
    if shut:
        typer.echo(f"{done.new} is in use{f'; {done.old} is shut' if done.old else ''}.")
        return
    typer.echo(f"{done.new} is in use, but sessions of {done.old} are left: restart what holds them, then run again.")
    raise typer.Exit(1)
