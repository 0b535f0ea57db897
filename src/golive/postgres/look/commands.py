"""`golive db look`: what the database does now, and what is wrong with it."""

import sys
from typing import Annotated, Any

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.console import words
from golive.people.choice import WRONG_INPUT
from golive.postgres.choice import chosen
from golive.postgres.look.collector import Column, Row
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.models import Snapshot
from golive.postgres.look.run import look as look_at

app = typer.Typer()
FORMS = {
    "number": words.grouped,
    "size": words.size,
    "ms": words.milliseconds,
    "percent": words.percent,
    "duration": words.duration,
}


@app.command()
def look(
    what: Annotated[str | None, typer.Argument(help="One question, such as locks; all of them when absent.")] = None,
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many rows of one question to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Look now; exit 0 when nothing is wrong, 1 when something is, 2 when golive cannot tell."""
    if what is not None and what not in COLLECTORS:
        typer.echo(f"There is no question {what!r}; there are {', '.join(COLLECTORS)}.", err=True)
        raise typer.Exit(WRONG_INPUT)
    database = chosen(project)
    wanted = [COLLECTORS[what]] if what else list(COLLECTORS.values())
    found = look_at(database, timezone.now(), wanted)
    if as_json:
        sys.stdout.write(orjson.dumps([_row(one) for one in found], default=str).decode() + "\n")
    else:
        for one in found:
            _show(one, rows if what else 0)
    levels = {finding["level"] for one in found for finding in one.findings}
    raise typer.Exit(1 if levels & {"critical", "warning"} else 2 if "unknown" in levels else 0)


def _row(one: Snapshot) -> dict[str, Any]:
    return {
        "name": one.collector, "at": one.at, "trouble": one.trouble, "took_ms": one.took_ms,
        "findings": one.findings, "rows": one.rows,
    }  # fmt: skip


def _show(one: Snapshot, rows: int) -> None:
    collector = COLLECTORS[one.collector]
    console = Console()
    if rows and not one.trouble:
        table = Table(*(column.label for column in collector.columns), title=collector.title, title_justify="left")
        for row in one.rows[:rows]:
            table.add_row(*(cell(column, row) for column in collector.columns))
        console.print(table)
        typer.echo(collector.empty if not one.rows else f"{len(one.rows)} in all.")
    if not rows:
        typer.echo(
            f"{collector.title}: {'unknown' if one.trouble else 'nothing wrong' if not one.findings else ''}".rstrip()
        )
    for finding in one.findings:
        typer.echo(f"  {finding['level']}: {finding['subject']}: {finding['reason']}")
        if finding["advice"]:
            typer.echo(f"      {finding['advice']}")
        if finding["undo"]:
            typer.echo(f"      undo: {finding['undo']}")


def cell(column: Column, row: Row) -> str:
    """A field as text, written as the console does."""
    value = row.get(column.field)
    if value is None:
        return words.DASH
    if column.form in FORMS:
        return FORMS[column.form](value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())[:200]
