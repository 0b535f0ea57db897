"""`golive db grow`: what runs out first, and what to do in which order."""

import sys
from dataclasses import asdict
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.kit.durations import DurationError, parse_duration
from golive.postgres.choice import chosen
from golive.postgres.grow.measure import measure
from golive.postgres.grow.model import first, loads, sentence, steps

app = typer.Typer()


@app.command()
def grow(
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    watch: Annotated[str, typer.Option(help="How long to watch, best during a load test or at the peak.")] = "10s",
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Say what runs out first and what to do, in order; exit 0 when nothing is tight, 1 when something is."""
    try:
        length = parse_duration(watch)
    except DurationError as error:
        raise typer.BadParameter(str(error)) from error
    measured = measure(chosen(project), length, timezone.now())
    if as_json:
        found = {
            "sentence": sentence(measured),
            "measured": asdict(measured),
            "loads": [asdict(load) for load in loads(measured)],
            "steps": [asdict(step) for step in steps(measured)],
        }
        sys.stdout.write(orjson.dumps(found).decode() + "\n")
    else:
        table = Table("resource", "used", "seen")
        for load in loads(measured):
            used = "not measured" if load.used is None else f"{load.used * 100:.0f} %"
            table.add_row(load.resource.value, used, load.seen)
        Console().print(table)
        said = sentence(measured)
        typer.echo(f"{said[0].upper()}{said[1:]}.")
        for number, step in enumerate(steps(measured), 1):
            word = {True: "yes", False: "no", None: "unknown"}[step.needed]
            command = f" ({step.command})" if step.command and step.needed else ""
            typer.echo(f"{number}. {step.name}: {word}. {step.reason}.{command}")
    raise typer.Exit(1 if first(measured) else 0)
