"""`golive change`: report a deploy from any pipeline, list what changed."""

from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.changes.models import Change, Kind
from golive.changes.record import record
from golive.people import audit
from golive.people.choice import choose

app = typer.Typer()
change_app = typer.Typer(no_args_is_help=True, help="Deploys and other changes, marked on every chart.")
app.add_typer(change_app, name="change")


@change_app.command("record")
def record_change(
    kind: Annotated[Kind, typer.Argument(help="What sort of change.")],
    release: Annotated[str, typer.Option(help="The release that is now live.")] = "",
    title: Annotated[str, typer.Option(help="What people read on the chart.")] = "",
    subject: Annotated[str, typer.Option(help="Tells changes apart; defaults to the release.")] = "",
    environment: Annotated[str, typer.Option()] = "production",
    link: Annotated[str, typer.Option(help="Where to read more.")] = "",
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
) -> None:
    """Report a change that has just happened, such as a deploy."""
    chosen = choose(project)
    now = timezone.now()
    named = subject or release or f"{kind.value} {now.isoformat(timespec='seconds')}"
    change = record(
        chosen,
        kind,
        named,
        title or f"{kind.label} {release or named}",
        now,
        environment=environment,
        release=release,
        link=link,
        actor="cli",
    )
    audit.record("cli", f"change.{kind.value}", named, project=chosen, release=release)
    typer.echo(f"Recorded: {change.title} at {now:%Y-%m-%d %H:%M:%S} UTC in {environment}.")


@change_app.command("list")
def list_changes(
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show what changed, newest first."""
    found = Change.objects.filter(project=choose(project))[:limit]
    if json:
        for c in found:
            line = {"at": c.at, "until": c.until, "kind": c.kind, "title": c.title, "release": c.release}
            typer.echo(orjson.dumps(line | {"environment": c.environment, "actor": c.actor}))
        return
    table = Table("at (UTC)", "kind", "what", "release", "environment", "by", box=None)
    for c in found:
        at: datetime = c.at.astimezone(UTC)
        table.add_row(f"{at:%Y-%m-%d %H:%M:%S}", c.get_kind_display(), c.title, c.release, c.environment, c.actor)
    Console().print(table)
