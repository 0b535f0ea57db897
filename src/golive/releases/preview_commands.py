"""`golive previews`: what is open; open, wake, sleep, close, and a link for somebody without an account."""

import sys
from datetime import timedelta
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from golive.kit.durations import parse_duration
from golive.people import audit
from golive.people.choice import choose
from golive.releases import door, passes, previews, sites, template
from golive.releases.errors import Refused
from golive.releases.models import Environment, EnvironmentKind

previews_app = typer.Typer(no_args_is_help=True, help="Previews of pull requests.")
ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]


@previews_app.command("list")
def list_previews(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show the previews that are open."""
    found = Environment.objects.filter(project=choose(project), kind=EnvironmentKind.PREVIEW, closed_at=None)
    rows = [
        {
            "name": one.name, "url": sites.url(one), "release": one.live.release.name if one.live else None,
            "asleep": one.asleep, "asked_at": one.asked_at, "expires_at": one.expires_at,
        }
        for one in found.select_related("project", "live__release")
    ]  # fmt: skip
    if as_json:
        sys.stdout.write(orjson.dumps(rows).decode() + "\n")
        return
    table = Table("preview", "release", "state", "address", box=None)
    for row in rows:
        table.add_row(
            str(row["name"]), str(row["release"] or ""), "asleep" if row["asleep"] else "awake", str(row["url"])
        )
    Console(highlight=False).print(table)


@previews_app.command("template")
def renew_template(project: ProjectOption = None) -> None:
    """Make the database that previews are cloned from anew: production's, scrubbed, or its schema alone."""
    said = template.renew(choose(project), tell=lambda line: typer.echo(f"  {line}", err=True), by="cli")
    typer.echo(said)


@previews_app.command("open")
def open_preview(
    name: Annotated[str, typer.Argument(help="Such as pr-42.")],
    release: Annotated[str, typer.Argument(help="Name, number or commit.")],
    project: ProjectOption = None,
) -> int:
    """Deploy a release to a preview; prints its address and a link that lets anybody in."""
    chosen = choose(project)
    tell = lambda line: typer.echo(f"  {line}", err=True)  # noqa: E731
    made = previews.open_preview(chosen, name, door.release_named(chosen, release), tell=tell, by="cli")
    if not made.outcome.well:
        typer.echo(f"{name}: {made.outcome.state}. {made.outcome.reason}", err=True)
        return 1
    typer.echo(f"{made.url}\n{made.link}")
    return 0


@previews_app.command()
def link(
    name: str,
    lasts: Annotated[str, typer.Option(help="How long it lets people in.")] = "7d",
    project: ProjectOption = None,
) -> None:
    """Make a link that lets anybody into a preview for some time."""
    where = _preview(name, project)
    until = door.now() + min(parse_duration(lasts), timedelta(days=30))
    audit.record("cli", "preview.link", name, project=where.project, until=until.isoformat())
    host = sites.domains(where, sites.deploy_section(where.project))[0]
    typer.echo(f"{sites.url(where)}/?{passes.PARAMETER}={passes.sign(host, until)}")


@previews_app.command()
def close(name: str, project: ProjectOption = None) -> None:
    """Tear a preview down: its processes, its database, its variables."""
    previews.close_preview(_preview(name, project), by="cli")
    typer.echo(f"{name} is closed.")


@previews_app.command()
def sleep(name: str, project: ProjectOption = None) -> None:
    """End a preview's processes; the next visitor wakes it."""
    previews.put_to_sleep(_preview(name, project))
    typer.echo(f"{name} sleeps.")


@previews_app.command()
def wake(name: str, project: ProjectOption = None) -> None:
    """Start a preview's processes."""
    previews.wake(_preview(name, project))
    typer.echo(f"{name} is awake.")


def _preview(name: str, project: str | None) -> Environment:
    found = Environment.objects.filter(
        project=choose(project), name=name, kind=EnvironmentKind.PREVIEW, closed_at=None
    ).select_related("project", "live__release__project", "live__environment")
    one = found.first()
    if one is None:
        raise Refused(f"There is no preview {name!r} open; `golive previews list` shows those that are.")
    return one
