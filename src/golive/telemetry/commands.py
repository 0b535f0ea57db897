"""`golive store`: the telemetry store's own commands."""

import typer

from golive.telemetry.migrate import migrate

app = typer.Typer()
store_app = typer.Typer(no_args_is_help=True, help="The telemetry store.")
app.add_typer(store_app, name="store")


@store_app.command("migrate")
def migrate_command() -> None:
    """Bring the store to the newest schema (the embedded store does it by itself when it starts)."""
    fresh = migrate()
    typer.echo(f"Applied {', '.join(fresh)}." if fresh else "The schema is up to date.")
