"""`golive logs`: search and follow from a terminal."""

import sys
import time
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.text import Text

from golive.kit.durations import DurationError, parse_duration
from golive.logs.query import QueryError, compile_query
from golive.logs.search import Line, lines, newest
from golive.people.choice import WRONG_INPUT, choose
from golive.telemetry.instants import milliseconds
from golive.telemetry.store import StoreError

app = typer.Typer()
STYLES = {"error": "red", "fatal": "bold red", "warn": "yellow", "debug": "dim", "trace": "dim", "unset": "dim"}
POLL_SECONDS = 1.0
COULD_NOT_TELL = 2


@app.command("logs")
def logs(
    query: Annotated[str, typer.Argument(help='For example: "payment failed" level:error service:web')] = "",
    since: Annotated[str, typer.Option(help="How far back, such as 15m or 24h.")] = "1h",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many lines, the newest.")] = 200,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay and print lines as they arrive.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
) -> None:
    """Search logs; oldest first, so that the newest stand at the bottom."""
    chosen = choose(project).slug
    console = Console(soft_wrap=True, highlight=False)
    try:
        condition = compile_query(query)
        now = timezone.now()
        page, _ = lines(chosen, condition, now - parse_duration(since), now, limit=limit)
        for line in reversed(page):
            show(line, json, console)
        after_ms = max((line.received_ms for line in page), default=milliseconds(now))
        while follow:
            time.sleep(POLL_SECONDS)
            for line in newest(chosen, condition, after_ms):
                show(line, json, console)
                after_ms = max(after_ms, line.received_ms)
    except (QueryError, DurationError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from None
    except StoreError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(COULD_NOT_TELL) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def show(line: Line, json: bool, console: Console) -> None:
    """Print one line for people or machines."""
    if json:
        sys.stdout.write(orjson.dumps(line.as_dict()).decode() + "\n")
        sys.stdout.flush()
        return
    style = STYLES.get(line.level, "")
    console.print(
        Text.assemble(
            (f"{line.time.astimezone():%m-%d %H:%M:%S.%f}"[:-3], "dim"),
            " ",
            (f"{line.level:<5}", style),
            " ",
            (line.service, "cyan"),
            " ",
            (line.text, style if line.level in ("error", "fatal") else ""),
        )
    )
