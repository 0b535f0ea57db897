"""`golive checks`: how checks stand, and one probe on request."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.alerts.models import State
from golive.checks import history
from golive.checks.journeying import run_once
from golive.checks.models import Check
from golive.checks.probe_commands import probe_app
from golive.checks.run import run as probe_once
from golive.checks.standing import Standing, headline, standings
from golive.checks.verdict import Outcome
from golive.console import words
from golive.jobs.kinds import JobError
from golive.people.choice import WRONG_INPUT, choose
from golive.telemetry.store import StoreError

app = typer.Typer()
checks_app = typer.Typer(help="Uptime checks: how they stand, and a probe on request.")
app.add_typer(checks_app, name="checks")
app.add_typer(probe_app, name="probe")

ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]


@checks_app.callback(invoke_without_command=True)
def checks(context: typer.Context, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List checks; exit 0 when all are up, 1 when one is down, 2 when one is unknown or there is none."""
    if context.invoked_subcommand is not None:
        return
    chosen, now = choose(project), timezone.now()
    try:
        known = history.histories(chosen.slug, now)
    except StoreError as error:
        known = {}
        typer.echo(str(error), err=True)
    found = standings(chosen, now, known)
    if as_json:
        sys.stdout.write(orjson.dumps([_row(one) for one in found]).decode() + "\n")
    else:
        _table(found)
        typer.echo(headline(found, now) + ".")
    states = {one.state for one in found}
    raise typer.Exit(1 if State.FIRING in states else 2 if State.UNKNOWN in states or not states else 0)


@checks_app.command()
def run(
    name: Annotated[str, typer.Argument(help="The check's name.")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Probe a check once from here, change nothing; exit 0 when up, 1 when down, 2 when it could not be probed."""
    chosen = choose(project)
    found = Check.objects.filter(project=chosen, name=name).select_related("project").first()
    if found is None:
        names = ", ".join(Check.objects.filter(project=chosen).values_list("name", flat=True)) or "none yet"
        typer.echo(f"There is no check {name!r}; the checks are {names}.", err=True)
        raise typer.Exit(WRONG_INPUT)
    if found.kind == "heartbeat":
        typer.echo(f"{name} is not probed: its job pings {found.job.ping_url}.", err=True)
        raise typer.Exit(WRONG_INPUT)
    if found.kind == "journey":
        _run_journey(found, as_json=as_json)
    result = probe_once(found)
    if as_json:
        sys.stdout.write(orjson.dumps(result.row()).decode() + "\n")
    else:
        typer.echo(f"{name} is {_word(result.attempt.outcome)}: {result.attempt.reason}.")
    raise typer.Exit({Outcome.UP: 0, Outcome.DOWN: 1, Outcome.FAULT: 2}[result.attempt.outcome])


def _run_journey(check: Check, *, as_json: bool) -> None:
    """Run a check's journeys here, and end."""
    with tempfile.TemporaryDirectory(prefix="golive-journey-") as place:
        try:
            found = run_once(check, Path(place) / "run")
        except JobError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from error
    if as_json:
        rows = [{"test": r.test, "proves": r.proves, "outcome": r.outcome, "reason": r.reason} for r in found.results]
        answer = {"outcome": found.outcome, "reason": found.reason, "results": rows}
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
    else:
        for result in found.results:
            typer.echo(f"{result.outcome:<8} {result.name} ({', '.join(result.proves)}) {result.reason}")
        typer.echo(f"{check.name} {found.outcome}: {found.reason}.")
    raise typer.Exit({"passed": 0, "failed": 1, "unknown": 2}[found.outcome.value])


def _word(outcome: Outcome) -> str:
    return "unknown" if outcome is Outcome.FAULT else outcome.value


def _row(one: Standing) -> dict[str, Any]:
    return {
        "name": one.check.name,
        "url": one.address,
        "state": one.word,
        "reason": one.reason,
        "since": one.since,
        "checked_at": one.checked_at,
        "uptime_24h": one.history.uptime.get("24h"),
        "latency_ms": one.history.last_ms,
    }


def _table(found: list[Standing]) -> None:
    table = Table("check", "state", "since", "reason", "latency", "uptime 24 h")
    for one in found:
        since = f"{one.since:%d %b %H:%M:%S}" if one.since else ""
        uptime = words.percent(one.history.uptime.get("24h"))
        table.add_row(one.check.name, one.word, since, one.reason, words.milliseconds(one.history.last_ms), uptime)
    Console().print(table)
