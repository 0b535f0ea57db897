"""`golive integration`: keys by which other tools send their alerts."""

import json
from typing import Annotated

import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.alerts.inbound import integrations
from golive.alerts.models import IntegrationKind
from golive.people import audit
from golive.people.choice import WRONG_INPUT, choose

app = typer.Typer()
integration = typer.Typer(
    no_args_is_help=True, help="Alerts of other tools: Prometheus, PagerDuty's clients, webhooks."
)
app.add_typer(integration, name="integration")

ProjectName = Annotated[str | None, typer.Option("--project", help="The project's slug.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def fail(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(WRONG_INPUT)


@integration.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What sends, like prometheus.")],
    kind: Annotated[IntegrationKind, typer.Option(help="The format in which it sends.")],
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Make an integration; its key is printed this once, in what to paste into the other tool."""
    chosen = choose(project)
    try:
        made, key = integrations.create(chosen, name, kind)
    except integrations.IntegrationError as trouble:
        raise fail(f"Nothing was made: {trouble}.") from None
    audit.record("cli", "integration.create", made.name, project=chosen, kind=kind)
    setup = integrations.setup(kind, key)
    typer.echo(json.dumps({"name": made.name, "kind": kind, "key": key, "setup": setup}) if as_json else setup)


@integration.command("list")
def show(project: ProjectName = None, as_json: AsJson = False) -> None:
    """List the integrations in force."""
    found = integrations.in_force(choose(project))
    if as_json:
        used = [one.last_used_at.isoformat() if one.last_used_at else None for one in found]
        rows = [
            {"name": one.name, "kind": one.kind, "hint": one.hint, "last_used_at": at}
            for one, at in zip(found, used, strict=True)
        ]
        typer.echo(json.dumps(rows))
        return
    if not found:
        typer.echo("No integrations yet. Make one with: golive integration add NAME --kind alertmanager")
        return
    table = Table("name", "sends", "ends in", "last heard", box=None)
    for one in found:
        table.add_row(one.name, one.label, one.hint, f"{one.last_used_at:%F %T} UTC" if one.last_used_at else "never")
    Console().print(table)


@integration.command("revoke")
def revoke(name: Annotated[str, typer.Argument(help="Which one.")], project: ProjectName = None) -> None:
    """End an integration at once; what it fires becomes unknown."""
    chosen = choose(project)
    found = chosen.integrations.filter(name=name, revoked_at=None).first()
    if found is None:
        raise fail(f"There is no integration {name} in force; see: golive integration list")
    integrations.revoke(found, timezone.now())
    audit.record("cli", "integration.revoke", found.name, project=chosen, hint=found.hint)
    typer.echo(f"Integration {found.name} is revoked.")
