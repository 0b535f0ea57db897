"""Large tables over HTTP: declared partitions as they are, archives and their runs, a run on request."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.people.tokens import actor, scope
from golive.postgres.archive.declared import plans_of
from golive.postgres.archive.runs import Run, runs_of
from golive.postgres.archive.tasks import ask
from golive.postgres.door import database_at
from golive.postgres.partition.standings import standings

router = Router()


class PartitionedOut(Schema):
    """A declared table and its partitions."""

    name: str
    table: str
    state: str
    reason: str
    size_bytes: int
    partitions: list[dict[str, Any]]


class ArchiveOut(Schema):
    """A declared archive and its newest run."""

    name: str
    table: str
    to: str
    state: str | None
    reason: str
    asked_at: datetime | None
    rows: int | None


class TablesOut(Schema):
    """Both."""

    partitioned: list[PartitionedOut]
    archives: list[ArchiveOut]


class RunAskedOut(Schema):
    """The archive that is queued."""

    name: str


def _archive(run: Run) -> ArchiveOut:
    return ArchiveOut(
        name=run.name,
        table=run.plan.table,
        to=run.plan.to,
        state=run.state,
        reason=run.reason if run.state else "it has never run",
        asked_at=run.at,
        rows=run.rows,
    )


@router.get(
    "/projects/{slug}/database/tables",
    response=TablesOut,
    auth=scope("database:read"),
    summary="Partitioned and archived tables",
)
def tables(request: HttpRequest, slug: str) -> TablesOut:
    """What golive.toml declares, and how it stands."""
    database = database_at(slug)
    partitioned = [
        PartitionedOut(
            name=one.name,
            table=one.plan.table,
            state=one.state,
            reason=one.reason,
            size_bytes=one.size_bytes,
            partitions=list(one.parts),
        )
        for one in standings(database)
    ]
    return TablesOut(partitioned=partitioned, archives=[_archive(run) for run in runs_of(database)])


@router.post(
    "/projects/{slug}/database/archives/{name}/runs",
    response={202: RunAskedOut},
    auth=scope("database:write"),
    summary="Move what is old to cold storage",
)
def run(request: HttpRequest, slug: str, name: str) -> Status[RunAskedOut]:
    """Queue a run."""
    database = database_at(slug)
    if name not in plans_of(database):
        raise HttpError(404, f"golive.toml declares no [database.archive.{name}]")
    if ask(database, name, actor(request)) is None:
        raise HttpError(409, "it is at work already")
    return Status(202, RunAskedOut(name=name))
