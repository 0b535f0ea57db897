"""`golive db advise`: which indexes to have, proved on a clone where there is one. `golive db advice`: the record."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.console import words
from golive.people import audit
from golive.postgres.advice import keep, record
from golive.postgres.advice.migration import written
from golive.postgres.advice.models import AdviceRun, Stage
from golive.postgres.advice.plan import Framework
from golive.postgres.advice.report import Report
from golive.postgres.choice import chosen

app = typer.Typer()


@app.command()
def advise(
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    log: Annotated[Path | None, typer.Option(help="A server log, for the arguments that statements had.")] = None,
    no_proof: Annotated[bool, typer.Option("--no-proof", help="Only predict, although there is a clone.")] = False,
    migration: Annotated[Framework | None, typer.Option(help="Print the proved advice as a migration.")] = None,
    after: Annotated[str, typer.Option(help="What the migration follows: app.0007_name for Django, a revision.")] = "",
    why: Annotated[bool, typer.Option("--why", help="Also say for each statement why nothing is advised.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Advise indexes for the workload; exit 0 when there is nothing to do, 1 with advice, 2 when it is not proved."""
    database = chosen(project)
    now = timezone.now()
    with Console(stderr=True).status("reads the workload") as status:
        report = keep.look(database, now, log, "" if no_proof else None, status.update)
    run = keep.save(database, report, "cli", now)
    audit.record("cli", "database.advise", str(run.pk), project=database.project, changes=len(report.changes))
    if migration is not None:
        _write(run, migration, after)
    elif as_json:
        sys.stdout.write(orjson.dumps(report.as_dict()).decode() + "\n")
    else:
        _show(report, why)
    raise typer.Exit(_code(report))


@app.command()
def advice(
    project: Annotated[str | None, typer.Option(help="The project's slug.")] = None,
    migration: Annotated[Framework | None, typer.Option(help="Print the newest proved advice as a migration.")] = None,
    after: Annotated[str, typer.Option(help="What the migration follows: app.0007_name for Django, a revision.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """The record: what was predicted, proved on a copy, and seen in production since. Asks the database nothing."""
    database = chosen(project)
    run = database.advice_runs.first()
    if run is None:
        typer.echo("Nobody has asked for advice yet: golive db advise.", err=True)
        raise typer.Exit(2)
    if migration is not None:
        _write(run, migration, after)
        return
    found = record.record(database)
    if as_json:
        sys.stdout.write(orjson.dumps([record.line(one) for one in found], default=str).decode() + "\n")
        return
    table = Table("what", "on", "asked", "stage", "predicted", "proved on the copy", "a call before", "and since")
    for one in found:
        table.add_row(
            f"{one.kind} {one.name}",
            one.table,
            f"{one.run.at:%Y-%m-%d}",
            one.get_stage_display(),
            words.DASH if one.predicted_ratio is None else f"x{one.predicted_ratio:.2f}",
            words.DASH
            if one.proved_after_ms is None or one.proved_before_ms is None
            else f"{words.milliseconds(one.proved_before_ms)} to {words.milliseconds(one.proved_after_ms)}",
            words.DASH if one.seen_before_ms is None else words.milliseconds(one.seen_before_ms),
            words.DASH if one.seen_after_ms is None else words.milliseconds(one.seen_after_ms),
        )
    Console().print(table)
    seen = sum(one.stage == Stage.SEEN for one in found)
    typer.echo(f"{len(found)} changes, {seen} of them in production. A call's times are those of pg_stat_statements.")


def _write(run: AdviceRun, framework: Framework, after: str) -> None:
    """The proved changes of a run as a migration; exit 2 when there are none."""
    steps = record.steps(run)
    if not steps:
        typer.echo("Nothing is proved, so there is no migration to write.", err=True)
        raise typer.Exit(2 if run.advices.exists() else 0)
    label, dot, name = after.rpartition(".")
    sys.stdout.write(written(framework, steps, label, name if dot or framework is not Framework.DJANGO else after))


def _code(report: Report) -> int:
    if not report.findings:
        return 2
    open_changes = [change for change in report.changes if change.stage != "refused"]
    if not open_changes:
        return 0
    return 1 if any(change.stage == "proved" for change in open_changes) else 2


def _rounds(count: int) -> str:
    return f"{count} round{'' if count == 1 else 's'} of proof, " if count else ""


def _show(report: Report, why: bool) -> None:
    console = Console()
    if report.changes:
        table = Table("what", "index", "size", "stage", "before", "after", "because")
        for change in report.changes:
            table.add_row(
                change.kind,
                change.name,
                words.size(change.size_bytes),
                change.stage,
                words.milliseconds(change.before_ms) if change.before_ms is not None else words.DASH,
                words.milliseconds(change.after_ms) if change.after_ms is not None else words.DASH,
                change.reason,
            )
        console.print(table)
    for finding in report.findings:
        for trap in finding.traps:
            typer.echo(f"  {' '.join(finding.text.split())[:100]}\n      {trap.problem}; instead: {trap.instead}")
        if why and (finding.silence or finding.reads):
            typer.echo(f"  {' '.join(finding.text.split())[:100]}\n      {finding.reads} {finding.silence}")
    for note in report.notes:
        typer.echo(f"note: {note}")
    typer.echo(report.headline())
    if report.gap is not None and report.cost_before:
        typer.echo(
            f"Estimated cost of the workload: {report.cost_after / report.cost_before:.0%} of today's, within "
            f"{report.gap:.2%} of the best of what was tried ({report.explains} plans, "
            f"{_rounds(report.rounds)}{report.seconds:.1f} s)."
        )
    if report.advised:
        typer.echo("As a migration: golive db advise --migration sql (or django, alembic).")
