"""`golive env`: the variables of an environment. Values are encrypted, and no command shows one."""

import sys
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from golive.people.choice import choose
from golive.releases import door, variables
from golive.releases.models import Environment, Variable

env_app = typer.Typer(no_args_is_help=True, help="Variables of an environment: encrypted, versioned; a change deploys.")

ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
EnvironmentOption = Annotated[str, typer.Option("--environment", "-e", help="Whose variables.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]
DeployOption = Annotated[bool, typer.Option("--deploy/--no-deploy", help="Deploy what serves with them at once.")]


@env_app.command("list")
def list_variables(
    environment: EnvironmentOption = "production", project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """Show names and when each changed, never a value."""
    where = door.environment(choose(project), environment)
    found = variables.kept(where)
    if as_json:
        sys.stdout.write(orjson.dumps([vars(one) for one in found]).decode() + "\n")
        return
    table = Table("name", "version", "changed (UTC)", "by", box=None)
    for one in found:
        table.add_row(one.name, str(one.version), f"{one.at:%Y-%m-%d %H:%M:%S}", one.by)
    Console(highlight=False).print(table)
    now, live = variables.version(where), where.live.variables_version if where.live else 0
    if where.live and live != now:
        typer.echo(f"What serves has version {live}; version {now} counts from the next deploy on.")


@env_app.command("set")
def set_variables(
    given: Annotated[list[str], typer.Argument(metavar="NAME[=VALUE]...", help="A name alone asks, or reads stdin.")],
    environment: EnvironmentOption = "production",
    deploy: DeployOption = True,
    project: ProjectOption = None,
) -> int:
    """Set variables and deploy them. `golive env set NAME` keeps the value out of the shell's history."""
    where = door.environment(choose(project), environment)
    values: dict[str, str | None] = {}
    for word in given:
        name, equals, value = word.partition("=")
        values[name] = value if equals else _asked(name)
    return _change(where, values, deploy)


@env_app.command()
def unset(
    names: Annotated[list[str], typer.Argument(help="The variables to take away.")],
    environment: EnvironmentOption = "production",
    deploy: DeployOption = True,
    project: ProjectOption = None,
) -> int:
    """Take variables away and deploy."""
    return _change(door.environment(choose(project), environment), dict.fromkeys(names), deploy)


@env_app.command()
def history(environment: EnvironmentOption = "production", project: ProjectOption = None) -> None:
    """Show what changed in each version."""
    where = door.environment(choose(project), environment)
    table = Table("version", "at (UTC)", "by", "what", box=None)
    for one in Variable.objects.filter(environment=where).order_by("-version", "name")[:200]:
        verb = "set" if one.sealed else "unset"
        table.add_row(str(one.version), f"{one.at:%Y-%m-%d %H:%M:%S}", one.by, f"{verb} {one.name}")
    Console(highlight=False).print(table)


def _asked(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True))
    return sys.stdin.read().rstrip("\n")


def _change(where: Environment, values: dict[str, str | None], deploy: bool) -> int:
    version = variables.change(where, values, by="cli", at=door.now())
    typer.echo(f"{where.name} has version {version} of its variables.")
    if not deploy or where.live is None:
        return 0
    outcome = door.redeploy(where, tell=lambda line: typer.echo(f"  {line}", err=True), by="cli")
    said = "serves with them" if outcome.well else f"was not changed over: {outcome.reason}"
    typer.echo(f"{where.live.release.name} {said}.", err=not outcome.well)
    return 0 if outcome.well else 1
