"""`golive db archive`: move old rows out, ask hot and cold together, bring a range back."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import orjson
import typer
from django.utils import timezone

from golive.people import audit
from golive.people.choice import WRONG_INPUT
from golive.postgres.archive.cold import open_cold
from golive.postgres.archive.declared import plans_of
from golive.postgres.archive.move import Mover
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.recall import ask
from golive.postgres.archive.recall import restore as bring_back
from golive.postgres.archive.whole import detached
from golive.postgres.base import Database
from golive.postgres.choice import admin_url_of, chosen
from golive.postgres.partition.shape import look, split
from golive.postgres.session import session

app = typer.Typer()
archive_app = typer.Typer(no_args_is_help=True, help="Closed history in cold storage.")
app.add_typer(archive_app, name="archive")

ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]
NameArgument = Annotated[str, typer.Argument(help="The NAME of [database.archive.NAME].")]


def _plan(database: Database, name: str) -> ArchivePlan:
    plans = plans_of(database)
    if name not in plans:
        typer.echo(f"golive.toml declares no [database.archive.{name}]; it has {', '.join(plans) or 'none'}.", err=True)
        raise typer.Exit(WRONG_INPUT)
    return plans[name]


@archive_app.command()
def run(
    name: NameArgument,
    apply: Annotated[bool, typer.Option("--apply", help="Move them; without, only count.")] = False,
    batches: Annotated[int | None, typer.Option(min=1, help="Stop after so many files.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move rows that are old enough: written, read back and proved before they are deleted. May be stopped any time."""
    database = chosen(project)
    plan = _plan(database, name)
    cold = open_cold(plan, name)
    with session(admin_url_of(database), read_only=False, statement_timeout=timedelta()) as connection:
        mover = Mover(connection, name, plan, cold, lambda text: typer.echo(f"  {text}", err=True))
        if not apply:
            waiting = mover.waiting(timezone.now())
            said = {"rows": waiting, "applied": False}
            text = f"{waiting:,} rows of {plan.table} may go to {plan.to}; --apply moves them."
        else:
            moved = mover.run(timezone.now(), batches)
            audit.record("cli", "database.archive", name, project=database.project, rows=moved.rows, files=moved.files)
            said = {**moved.__dict__, "applied": True}
            text = (
                f"{moved.rows:,} rows in {moved.files} files, {moved.kept:,} kept, {moved.seconds:.1f} s. "
                + " ".join(moved.notes)
            )
    sys.stdout.write((orjson.dumps(said).decode() if as_json else text) + "\n")


@archive_app.command()
def query(
    name: NameArgument,
    question: Annotated[
        str, typer.Argument(help='SQL over hot, cold and everything: "SELECT count() FROM everything".')
    ],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask hot and cold rows together, with the embedded engine's SQL."""
    database = chosen(project)
    plan = _plan(database, name)
    with session(admin_url_of(database), statement_timeout=timedelta(minutes=10)) as connection:
        sys.stdout.write(ask(connection, plan, open_cold(plan, name), question, "JSON" if as_json else "PrettyCompact"))


@archive_app.command()
def restore(
    name: NameArgument,
    begin: Annotated[datetime, typer.Option("--from", help="The first instant to bring back (UTC).")],
    end: Annotated[datetime, typer.Option("--to", help="The first instant not to (UTC).")],
    into: Annotated[str, typer.Option(help="The table; made when missing. Default: the old name with _restored.")] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring rows of a range back into a table, proved by the manifests' hashes; cold storage keeps them too."""
    database = chosen(project)
    plan = _plan(database, name)
    target = into or f"{split(plan.table)[1]}_restored"[:63]
    with session(admin_url_of(database), read_only=False, statement_timeout=timedelta()) as connection:
        span = (begin.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
        rows, files = bring_back(connection, plan, open_cold(plan, name), *span, target)
        apart = [part.name for part in detached(connection, look(connection, plan.table).where)]
    audit.record("cli", "database.archive_restore", name, project=database.project, rows=rows, into=target)
    said = {"rows": rows, "files": files, "table": target, "detached": apart}
    text = f"{rows:,} rows from {files} files into {target}."
    if apart:
        text += f" Not among them are the rows of {', '.join(apart)}: detached, and not archived yet."
    sys.stdout.write((orjson.dumps(said).decode() if as_json else text) + "\n")
