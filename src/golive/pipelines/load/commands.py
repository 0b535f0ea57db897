"""`golive load`: how many users a release bears, and what gives way first."""

import getpass
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from golive.config.reader import ConfigError, Document
from golive.config.values import resolve
from golive.people import audit
from golive.people.choice import WRONG_INPUT, choose
from golive.people.models import Project
from golive.pipelines import definition, first_use
from golive.pipelines.load import aim as aims
from golive.pipelines.load import trial
from golive.pipelines.load.aim import Aim
from golive.pipelines.load.answer import Verdict
from golive.pipelines.load.section import LoadSection
from golive.pipelines.models import LoadTest

app = typer.Typer(help="Load: how many users a release bears, and what gives way first.")
CODES = {Verdict.HELD: 0, Verdict.BROKE: 0, Verdict.WORSE: 1, Verdict.UNKNOWN: 2}
Slug = Annotated[str | None, typer.Option("--project", help="The project's slug.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.callback(invoke_without_command=True)
def load(
    context: typer.Context,
    preview: Annotated[str | None, typer.Option(help="A preview, such as pr-42; default: the newest.")] = None,
    environment: Annotated[str | None, typer.Option(help="Another environment that golive deployed.")] = None,
    url: Annotated[str | None, typer.Option(help="An address of your own product instead.")] = None,
    release: Annotated[str, typer.Option(help="With --url: what is running there, to compare by.")] = "",
    database: Annotated[str, typer.Option(help="With --url: its PostgreSQL, as env:NAME, to watch.")] = "",
    p95: Annotated[str | None, typer.Option(help="The target for the 95th percentile, such as 500ms.")] = None,
    users: Annotated[int | None, typer.Option(min=1, max=10_000, help="Try at most this many.")] = None,
    hold: Annotated[str | None, typer.Option(help="How long each number of users is measured.")] = None,
    production: Annotated[
        bool, typer.Option("--production", help="Yes, put customers' production under load.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where golive.toml with [load] is, or below.")] = Path(),
    project: Slug = None,
    json: Json = False,
) -> None:
    """Add users until a target breaks, and say in one sentence where and why, beside the last release.

    Exit code 0: measured. 1: fewer users than [load] wanted, or a fifth fewer than the last release. 2: could not tell.
    """
    if context.invoked_subcommand is not None:
        return
    place, name, section = _section(folder, {"p95": p95, "most": users, "hold": hold})
    chosen = first_use.project_for(project, name)
    if section.first > section.most:
        section = section.model_copy(update={"first": section.most})
    if url:
        found = aims.at_address(chosen, url, release=release, database=str(resolve(database)))
    else:
        found = aims.at_environment(chosen, environment or preview or aims.newest_preview(chosen))
    _careful(chosen, found, production)
    by = getpass.getuser()
    audit.record(by, "load.test", found.host, project=chosen, most=section.most)
    console = Console(highlight=False, stderr=json)
    console.print(f"Load on {found.said}: p95 ≤ {section.p95.total_seconds() * 1000:.0f} ms, at most "
                  f"{section.errors:.1%} failed, up to {section.most} users", markup=False, soft_wrap=True)  # fmt: skip

    def tell(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    made = trial.run(chosen, found, section, place, by=by, tell=tell)
    if json:
        typer.echo(orjson.dumps(described(made)))
    else:
        console.print(made.sentence, markup=False, soft_wrap=True)
        if made.cause_reason:
            console.print(f"{made.cause}: {made.cause_reason}", markup=False, style="dim", soft_wrap=True)
    raise typer.Exit(CODES[Verdict(made.verdict)])


def _careful(project: Project, found: Aim, production: bool) -> None:
    if aims.is_production(project, found) and not production:
        typer.echo("golive: that is production; with --production its customers wait behind the test", err=True)
        raise typer.Exit(WRONG_INPUT)


def _section(folder: Path, given: dict[str, Any]) -> tuple[Path, str, LoadSection]:
    """The folder's repository, its app's name and its [load], in which `given` counts before. Raises ConfigError."""
    place, document = _document(folder)
    said = document.data.setdefault("load", {})
    if isinstance(said, dict):
        said |= {name: value for name, value in given.items() if value is not None}
    section = definition.section(document, "load")
    assert isinstance(section, LoadSection)  # noqa: S101
    return place, definition.app_name(document), section


def _document(folder: Path) -> tuple[Path, Document]:
    try:
        place = definition.folder_of(folder)
    except ConfigError:  # there is none: the defaults
        return folder.resolve(), Document({})
    return place, definition.loaded((place / definition.FILE).read_bytes())


@app.command()
def history(limit: Annotated[int, typer.Option(min=1, max=200)] = 10, project: Slug = None, json: Json = False) -> None:
    """Show earlier load tests, newest first."""
    found = LoadTest.objects.filter(project=choose(project))[:limit]
    if json:
        typer.echo(orjson.dumps([described(one) for one in found]))
        return
    table = Table("began (UTC)", "release", "where", "held", "broke", "cause", box=None)
    for one in found:
        broke = str(one.broke) if one.broke is not None else ""
        where = one.environment or one.host
        table.add_row(f"{one.began_at:%Y-%m-%d %H:%M}", one.release, where, str(one.held), broke, one.cause)
    Console(highlight=False, markup=False).print(table)


def described(made: LoadTest) -> dict[str, Any]:
    """A load test for machines."""
    names = (
        "host", "environment", "release", "requested_by", "began_at", "ended_at", "p95_ms", "errors", "levels",
        "verdict", "sentence", "held", "broke", "cause", "cause_reason",
    )  # fmt: skip
    return {"number": made.pk} | {name: getattr(made, name) for name in names}
