"""`golive integration`: keys by which other tools send their alerts."""

import json
from typing import Annotated

import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.alerts import mute
from golive.alerts.inbound import integrations
from golive.alerts.models import IntegrationKind, SilenceKind
from golive.console.window import instant
from golive.kit.durations import DurationError, parse_duration
from golive.people import audit
from golive.people.choice import WRONG_INPUT, choose

app = typer.Typer()
integration = typer.Typer(
    no_args_is_help=True, help="Alerts of other tools: Prometheus, PagerDuty's clients, webhooks."
)
app.add_typer(integration, name="integration")
silence = typer.Typer(no_args_is_help=True, help="Keep alerts quiet for a while: nobody is told of what matches.")
app.add_typer(silence, name="silence")

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


@silence.command("add")
def add_silence(
    matchers: Annotated[list[str], typer.Argument(help="What is meant: service=web name=~disk* severity!=critical.")],
    why: Annotated[str, typer.Option("--why", help="For those who wonder that it is quiet.")],
    last: Annotated[str, typer.Option("--for", help="How long: 2h, 1d.")] = "1h",
    begin: Annotated[str, typer.Option(help="From this instant (ISO 8601); default: now.")] = "",
    every: Annotated[str, typer.Option(help="Repeat daily or weekly at the same time (UTC).")] = "",
    maintenance: Annotated[bool, typer.Option("--maintenance", help="It is announced work.")] = False,
    project: ProjectName = None,
) -> None:
    """Keep something quiet for a while; what still fires at the end is told."""
    chosen = choose(project)
    starts = instant(begin) if begin else timezone.now()
    if starts is None:
        raise fail(f"golive: {begin!r} is no instant, like 2026-01-31T09:00Z")
    kind = SilenceKind.MAINTENANCE if maintenance else SilenceKind.SILENCE
    try:
        ends = starts + parse_duration(last)
        made = mute.create(chosen, " ".join(matchers), why, starts, ends, "cli", kind=kind, every=every)
    except (mute.SilenceError, DurationError, OverflowError) as trouble:
        raise fail(f"golive: {trouble}") from None
    typer.echo(
        f"Silence {made.pk}: {made.matchers} until {made.ends_at:%F %H:%M} UTC. End it: golive silence end {made.pk}"
    )


@silence.command("list")
def list_silences(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """List silences and maintenance."""
    now = timezone.now()
    found = [one for one in choose(project).silences.all()[:500] if everything or mute.current(one, now)]
    if as_json:
        rows = [
            {
                "id": one.pk,
                "kind": one.kind,
                "matchers": one.matchers,
                "comment": one.comment,
                "starts_at": one.starts_at.isoformat(),
                "ends_at": one.ends_at.isoformat(),
                "every": mute.said(one.every),
                "by": one.created_by,
                "in_force": mute.span(one).until(now) is not None,
            }
            for one in found
        ]
        typer.echo(json.dumps(rows))
        return
    if not found:
        typer.echo(
            "Nothing is silenced. Keep something quiet with: golive silence add service=web --for 1h --why deploy"
        )
        return
    table = Table("id", "what", "from", "until", "repeats", "why", "by", box=None)
    for one in found:
        times = (f"{one.starts_at:%F %H:%M}", f"{one.ended_at or one.ends_at:%F %H:%M} UTC")
        table.add_row(str(one.pk), one.matchers, *times, mute.said(one.every), one.comment, one.created_by)
    Console().print(table)


@silence.command("end")
def end_silence(number: Annotated[int, typer.Argument(help="Its id.")], project: ProjectName = None) -> None:
    """End a silence now; what still fires is told within seconds."""
    found = choose(project).silences.filter(pk=number).first()
    if found is None:
        raise fail(f"golive: there is no silence {number}; see: golive silence list --all")
    over = mute.end(found, "cli", timezone.now())
    typer.echo(f"Silence {number} is over." if over else f"Silence {number} was over already.")
