"""`golive db cache`: would Redis pay?"""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from golive.console import words
from golive.postgres.cache.look import look
from golive.postgres.cache.worth import Judged, Worth, headline
from golive.postgres.choice import chosen

app = typer.Typer()


@app.command()
def cache(
    log: Annotated[Path | None, typer.Option(help="A server log: how often arguments repeat.")] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="The database's cores, when it is elsewhere.")] = None,
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Say from measurements whether a cache would pay; exit 0 when none is needed, 1 when one pays, 2 unknown."""
    judged, load = look(chosen(project), log.read_text(errors="replace") if log else "", cores)
    if as_json:
        rows = [
            {"text": each.read.text, "worth": each.worth, "reason": each.reason, "hit_rate": each.hit_rate}
            for each in judged
        ]
        said = {"headline": headline(judged, load), "busy": load.busy, "statements": rows}
        sys.stdout.write(orjson.dumps(said).decode() + "\n")
    else:
        _show(judged)
        typer.echo(headline(judged, load))
    kinds = {each.worth for each in judged}
    raise typer.Exit(1 if Worth.PAYS in kinds else 2 if Worth.UNKNOWN in kinds or not kinds else 0)


def _show(judged: list[Judged]) -> None:
    table = Table("verdict", "calls", "mean", "statement", "because")
    for each in judged[:30]:
        text = " ".join(each.read.text.split())[:80]
        mean = words.milliseconds(each.read.mean_ms)
        table.add_row(each.worth.value, words.grouped(each.read.calls), mean, text, each.reason)
    Console().print(table)
