"""`golive check`: may we take paying customers? With evidence, not ticks."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer.core import TyperGroup

from golive.people.choice import WRONG_INPUT, choose
from golive.people.models import Project
from golive.readiness import bundle, outputs, records
from golive.readiness.checking import Checked, WrongItem, check, chosen
from golive.readiness.item import Item, Place
from golive.readiness.items import ITEMS
from golive.readiness.runner import Result
from golive.readiness.subjects import SubjectError, maker
from golive.readiness.verdict import Verdict


class RunByDefault(TyperGroup):
    """`golive check cors` is `golive check run cors`: only names of subcommands are taken as such."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer()
check_app = typer.Typer(
    cls=RunByDefault,
    help="Security and launch checklists with evidence: `golive check [ITEM...]` runs them, all without a name.",
)
app.add_typer(check_app, name="check")
MARKS = {Verdict.PASS: "[green]✓ pass[/]", Verdict.FAIL: "[red]✗ fail[/]", Verdict.UNKNOWN: "[dim]? unknown[/]"}
ORDER = {Verdict.FAIL: 0, Verdict.UNKNOWN: 1, Verdict.PASS: 2}
ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]


@check_app.command()
def run(
    items: Annotated[list[str] | None, typer.Argument(help="Items, or security, or launch; all by default.")] = None,
    project: ProjectOption = None,
    target: Annotated[
        Place | None, typer.Option(help="Where to probe; by default what changes state goes to the preview.")
    ] = None,
    source: Annotated[Path | None, typer.Option(help="The source tree; default: [readiness] source.")] = None,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Take proofs that still count instead of proving again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all evidence as JSON.")] = False,
    as_junit: Annotated[bool, typer.Option("--junit", help="Print JUnit XML.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0.")] = False,
    keep: Annotated[Path | None, typer.Option("--bundle", help="Also write the signed evidence bundle here.")] = None,
) -> None:
    """Prove items now; exit 0 all pass, 1 one fails, 2 one is unknown, 3 bad configuration or waiver."""
    found, now = choose(project), timezone.now()
    try:
        wanted = chosen(items or [])
        done = _with_progress(
            found, wanted, now, source=source.absolute() if source else None, target=target, reuse=reuse
        )
    except (WrongItem, SubjectError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from error
    if as_json:
        sys.stdout.buffer.write(outputs.as_json(found.slug, done.documents, done.problems, done.code) + b"\n")
    elif as_junit:
        sys.stdout.buffer.write(outputs.as_junit(found.slug, done.documents) + b"\n")
    elif as_sarif:
        sys.stdout.buffer.write(outputs.as_sarif(done.documents) + b"\n")
    else:
        _show(done)
    for problem in done.problems:
        typer.echo(problem, err=True)
    if keep is not None:
        keep.write_bytes(bundle.make(found.slug, done.documents, now))
        typer.echo(f"Evidence of {len(done.documents)} items is in {keep}.", err=True)
    raise typer.Exit(done.code)


def _with_progress(project: Project, items: list[Item], now: datetime, **options: Any) -> Checked:
    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("checking", total=len(items))
        busy: list[str] = []

        def told(item: Item, result: Result | None) -> None:
            if result is None:
                busy.append(item.key)
            else:
                busy.remove(item.key)
                progress.advance(bar)
            progress.update(bar, description="checking " + ", ".join(busy))

        return check(project, items, now, told, **options)


def _show(done: Checked) -> None:
    table = Table("item", "verdict", "examined", "why", box=None)
    out = Console(highlight=False)
    for document in sorted(done.documents, key=lambda one: ORDER[Verdict(one["verdict"])]):
        why = document["reason"]
        if document["item"] in done.reused:
            why += f" ({done.reused[document['item']]})"
        counts = f"{document['examined']}/{document['expected']}"
        table.add_row(document["item"], MARKS[Verdict(document["verdict"])], counts, why)
    out.print(table)
    for document in done.documents:
        _details(out, document)
    blocking = [document for document in done.documents if document["verdict"] != Verdict.PASS]
    count = len(done.documents)
    said = "The item passes" if count == 1 else f"All {count} items pass"
    if blocking:
        said = "The item blocks" if count == 1 else f"{len(blocking)} of {count} items block"
    out.print(f"{said}.")


def _details(out: Console, document: Any) -> None:
    """Every finding and doubt, with what to do next."""
    told = [one for one in document["findings"] if one["subject"] not in document["waived"]]
    if not told and not document["doubts"]:
        return
    out.print(f"\n[bold]{document['title']}[/] ({document['item']}, {document['place']} {document['target']})")
    for one in told[:20]:
        out.print(f"  ✗ {one['subject']}: {one['text']}", markup=False, soft_wrap=True)
    if len(told) > 20:
        out.print(f"  … and {len(told) - 20} more: golive check {document['item']} --json", markup=False)
    for one in document["doubts"][:10]:
        out.print(f"  ? {one['subject']}: {one['text']}", markup=False, soft_wrap=True)
        if one["next"]:
            out.print(f"    next: {one['next']}", markup=False, soft_wrap=True)


@check_app.command()
def status(
    project: ProjectOption = None, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """How every item stands by its newest proof, without probing; exit codes as for a run."""
    found, now = choose(project), timezone.now()
    subject_for, newest = maker(found, now), records.newest(found)
    lines = [records.line(item, newest.get(key), subject_for(item), now) for key, item in ITEMS.items()]
    if as_json:
        rows = [
            {
                "item": one.item.key,
                "area": one.item.area,
                "title": one.item.title,
                "verdict": one.verdict,
                "reason": one.reason,
                "proved_at": one.proof.ended_at if one.proof else None,
                "next": one.next,
            }
            for one in lines
        ]
        sys.stdout.write(orjson.dumps(rows).decode() + "\n")
    else:
        table = Table("item", "verdict", "why", "next", box=None)
        for one in sorted(lines, key=lambda one: ORDER[one.verdict]):
            table.add_row(one.item.key, MARKS[one.verdict], one.reason, "" if one.verdict is Verdict.PASS else one.next)
        Console(highlight=False).print(table)
    verdicts = {one.verdict for one in lines}
    raise typer.Exit(1 if Verdict.FAIL in verdicts else 2 if Verdict.UNKNOWN in verdicts else 0)


@check_app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="An evidence bundle.")],
    key: Annotated[str, typer.Option(help="The fingerprint of the key that must have signed it.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check an evidence bundle again, offline; exit 0 whole, 1 altered, 2 whole but signed by a key not known here."""
    try:
        seen = bundle.verify(file, datetime.now(UTC))
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from error
    known = seen.key == (key or bundle.own_fingerprint())
    if as_json:
        row = {
            "whole": not seen.problems, "problems": seen.problems, "key": seen.key, "key_known": known,
            "made_at": seen.made_at, "project": seen.project, "verdicts": seen.verdicts, "expired": seen.expired,
        }  # fmt: skip
        sys.stdout.write(orjson.dumps(row).decode() + "\n")
    else:
        for problem in seen.problems:
            typer.echo(problem, err=True)
        passing = sum(verdict == "pass" for verdict in seen.verdicts.values())
        state = "altered" if seen.problems else "whole"
        typer.echo(
            f"The bundle is {state}: {seen.project}, made {seen.made_at}, {passing} of {len(seen.verdicts)} items pass"
            + (f", expired since: {', '.join(seen.expired)}" if seen.expired else "")
            + f". Signed by {seen.key}, {'the key expected' if known else 'a key that is not known here'}."
        )
    raise typer.Exit(1 if seen.problems else 0 if known else 2)
