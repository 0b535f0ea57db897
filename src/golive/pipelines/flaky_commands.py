"""`golive ship flaky|quarantine|dora|digest`: flaky tests and who excuses them until when; how a team delivers."""

import getpass
from datetime import date, timedelta
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.kit.durations import format_duration, parse_duration
from golive.people.choice import WRONG_INPUT, choose
from golive.pipelines import digest, dora, flaky
from golive.pipelines.models import FlakyTest

app = typer.Typer()
Slug = Annotated[str | None, typer.Option("--project", help="The project's slug.")]


@app.command("flaky")
def list_flaky(
    project: Slug = None, json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """Show tests that passed and failed on the same files, and which are in quarantine."""
    names = ("name", "step", "times", "first_seen_at", "last_seen_at", "last_run", "owner", "reason", "until")
    found = FlakyTest.objects.filter(project=choose(project))
    if json:
        typer.echo(orjson.dumps([{name: getattr(one, name) for name in names} for one in found]))
        return
    table = Table("test", "seen", "last (UTC)", "quarantine", box=None)
    for one in found:
        excused = f"{one.owner} until {one.until:%Y-%m-%d}: {one.reason}" if one.owner and one.until else ""
        table.add_row(one.name, str(one.times), f"{one.last_seen_at:%Y-%m-%d %H:%M}", excused)
    Console(highlight=False, markup=False).print(table)


@app.command("quarantine")
def quarantine(
    test: Annotated[str, typer.Argument(help="The test's name, as `golive ship flaky` shows it.")],
    owner: Annotated[str, typer.Option(help="Who brings it back.")],
    reason: Annotated[str, typer.Option(help="Why it is excused.")],
    days: Annotated[str, typer.Option("--for", help="For how long, at most 30d.")] = "7d",
    project: Slug = None,
) -> None:
    """Excuse a test's failures for a while: it still runs and is shown."""
    now = timezone.now()
    until = now + parse_duration(days)
    keep = {"owner": owner, "reason": reason, "until": until, "now": now, "actor": getpass.getuser()}
    made = flaky.quarantine(choose(project), test, **keep)  # type: ignore[arg-type]
    typer.echo(f"{made.name} is excused until {until:%Y-%m-%d %H:%M} UTC; {made.owner} brings it back.")


@app.command("unquarantine")
def unquarantine(test: Annotated[str, typer.Argument(help="The test's name.")], project: Slug = None) -> None:
    """End a quarantine: the test's failures count again."""
    if not flaky.release(choose(project), test, getpass.getuser()):
        typer.echo(f"golive: {test} is not in quarantine", err=True)
        raise typer.Exit(WRONG_INPUT)
    typer.echo(f"{test} counts again.")


@app.command("dora")
def show_dora(
    since: Annotated[str, typer.Option(help="Over how long, until now.")] = "30d",
    project: Slug = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Deployment frequency, lead time, change-fail rate, recovery time and rework, from what is on record."""
    found = dora.of_project(choose(project), timezone.now(), parse_duration(since))
    if json:
        typer.echo(orjson.dumps({key: _plain(value) for key, value in vars(found).items()}))
        return
    unknown = "not known"
    rate = f"{found.fail_rate:.0%}, {found.failed} failed" if found.fail_rate is not None else unknown
    lines = [
        f"Deploys to production: {found.deploys}, {found.per_day:.1f} a day",
        f"Lead time from commit (median): {format_duration(found.lead_time) if found.lead_time else unknown}",
        f"Change-fail rate: {rate}",
        f"Recovery time (median): {format_duration(found.recovery) if found.recovery else unknown}",
        f"Rework: {f'{found.rework_rate:.0%}' if found.rework_rate is not None else unknown}",
    ]
    typer.echo("\n".join(lines))


@app.command("digest")
def show_digest(
    week: Annotated[str | None, typer.Option(help="A day of the week, such as 2026-11-23; default: this one.")] = None,
    project: Slug = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """The week in figures, as it is mailed on Mondays: DORA, stages beside budgets, what failed and was flaky."""
    chosen = choose(project)
    try:
        day = date.fromisoformat(week) if week else timezone.now().date()
    except ValueError:
        typer.echo(f"golive: --week is a day such as 2026-11-23; not {week!r}", err=True)
        raise typer.Exit(WRONG_INPUT) from None
    found = digest.of_week(chosen, digest.monday(day))
    typer.echo(orjson.dumps(found.as_data()) if json else digest.mail(chosen, found).text, nl=json)


def _plain(value: object) -> object:
    """Seconds for a duration."""
    return value.total_seconds() if isinstance(value, timedelta) else value
