"""`golive oncall`: who is on call."""

from datetime import timedelta
from typing import Annotated

import orjson
import typer
from django.utils import timezone

from golive.kit.durations import format_duration
from golive.oncall.escalation import rehearse
from golive.oncall.roster import roster_of
from golive.people.choice import choose

app = typer.Typer()
oncall_app = typer.Typer(no_args_is_help=True, help="Who is paged, and how a page escalates.")
app.add_typer(oncall_app, name="oncall")
NOBODY = 1


@oncall_app.command("now")
def now_(
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say who is on call now, and who joins when nobody acknowledges. Ends with 1 when nobody is."""
    at = timezone.now()
    policy = roster_of(choose(project)).on_call_at(at)
    if json:
        told = {"people": policy.people, "repeat_s": policy.repeat.total_seconds()}
        typer.echo(orjson.dumps(told | {"escalate_s": policy.escalate.total_seconds()}))
    elif not policy.people:
        typer.echo("Nobody is on call. Name people in [oncall] of golive.toml and run: golive apply golive.toml")
    else:
        typer.echo(f"{policy.people[0]} is on call.")
        for when, page in rehearse(policy, at, timedelta(minutes=20)):
            typer.echo(f"  after {format_duration(when - at):>6}  {page.who} ({page.detail})")
    if not policy.people:
        raise typer.Exit(NOBODY)
