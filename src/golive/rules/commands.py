"""`golive rules`: how the six rules stand."""

import sys
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.alerts.models import State
from golive.people.choice import choose
from golive.rules.standing import sentence, standings

app = typer.Typer()


@app.command()
def rules(
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Show how the rules stand; exit 0 when all are quiet, 1 when one fires, 2 when one is unknown."""
    found = standings(choose(project), timezone.now())
    if as_json:
        rows = [
            {
                "kind": one.rule.kind,
                "state": one.state.value,
                "reason": one.reason,
                "fires": one.thresholds,
                "fired_at": one.fired_at,
                "instances": [
                    {"key": each.row.key, "state": each.state.value, "value": each.row.value, "reason": each.reason}
                    for each in one.instances
                ],
            }
            for one in found
        ]
        sys.stdout.write(orjson.dumps(rows).decode() + "\n")
    else:
        table = Table("rule", "state", "worst now", "fires", "reason")
        for one in found:
            value = one.worst.value if one.worst and one.state != State.UNKNOWN else ""
            table.add_row(one.name, one.word, value, one.thresholds, one.reason)
        Console().print(table)
        said = sentence(found)
        typer.echo(said[0].upper() + said[1:] + ".")
    states = {one.state for one in found if one.word != "paused"}
    raise typer.Exit(1 if State.FIRING in states else 2 if State.UNKNOWN in states else 0)
