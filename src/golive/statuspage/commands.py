"""`golive statuspage`: write the page, push it, export it, plan maintenance, see who subscribes."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
import typer
from django.utils import timezone

from golive.oncall.wallclock import read
from golive.people import audit
from golive.people.choice import WRONG_INPUT, choose
from golive.statuspage import maintenance, publish
from golive.statuspage.models import Component, Subscriber

app = typer.Typer()
statuspage_app = typer.Typer(no_args_is_help=True, help="What customers see: write, push, export, maintenance.")
app.add_typer(statuspage_app, name="statuspage")
REFUSED = 1
Slug = Annotated[str | None, typer.Option("--project", help="The project's slug.")]


@statuspage_app.command("write")
def write_(project: Slug = None) -> None:
    """Write the page's files now, and say where they are."""
    typer.echo(publish.write(choose(project), timezone.now()))


@statuspage_app.command()
def export(
    to: Annotated[Path, typer.Argument(help="A folder, made when it is not there; its files are replaced.")],
    project: Slug = None,
) -> None:
    """Write the page and copy it into a folder that any web server can serve."""
    folder = publish.write(choose(project), timezone.now())
    shutil.copytree(folder, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    typer.echo(f"{sum(path.is_file() for path in to.rglob('*'))} files in {to}")


@statuspage_app.command()
def push(project: Slug = None) -> None:
    """Write the page and run the `push` command of [status] in its folder. Ends with 1 when that fails."""
    chosen = choose(project)
    publish.write(chosen, timezone.now())
    try:
        said = publish.push(chosen)
    except publish.PushError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from None
    audit.record("cli", "statuspage.push", chosen.slug, project=chosen)
    typer.echo(said or "Pushed.")


@statuspage_app.command("maintenance")
def maintenance_(
    title: Annotated[str, typer.Option(help="What is done.")],
    body: Annotated[str, typer.Option(help="What customers will notice.")],
    since: Annotated[str, typer.Option("--from", help="When it starts, like 2026-11-30T02:00 (UTC).")],
    until: Annotated[str, typer.Option(help="When it ends.")],
    component: Annotated[list[str] | None, typer.Option(help="A component's name; several times for several.")] = None,
    project: Slug = None,
) -> None:
    """Announce scheduled maintenance; it begins and ends by itself."""
    chosen, now = choose(project), timezone.now()
    known = {one.name: one.code for one in Component.objects.filter(project=chosen)}
    if strange := [name for name in component or [] if name not in known]:
        raise _wrong(f"There is no component {strange[0]!r}; there are: {', '.join(known) or 'none'}.")
    try:
        starts, ends = _instant(since, now), _instant(until, now)
        codes = [known[name] for name in component or []]
        made = maintenance.schedule(chosen, title, body, starts, ends, codes, "cli", now)
    except (ValueError, maintenance.MaintenanceError) as error:
        raise _wrong(str(error)) from None
    typer.echo(f"Announced: {made.title}, {made.starts_at:%Y-%m-%d %H:%M} to {made.ends_at:%Y-%m-%d %H:%M} UTC")


@statuspage_app.command("subscribers")
def subscribers_(project: Slug = None, json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List who is told, and who has not confirmed."""
    for one in Subscriber.objects.filter(project=choose(project)):
        told = {"email": one.email, "url": one.url, "confirmed_at": one.confirmed_at, "components": one.components}
        typer.echo(
            orjson.dumps(told) if json else f"{one.url or one.email}{'' if one.confirmed_at else ' (unconfirmed)'}"
        )


def _instant(text: str, now: datetime) -> datetime:
    return read(text, ZoneInfo("UTC"), now)


def _wrong(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(WRONG_INPUT)
