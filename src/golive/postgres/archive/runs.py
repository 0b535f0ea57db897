"""What is known of an archive's runs: the newest job of each, and the newest run that moved rows, whoever began it."""

from dataclasses import dataclass
from datetime import datetime

from golive.jobs.models import Job, State
from golive.people.models import AuditEntry
from golive.postgres.archive.declared import plans_of
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.tasks import ARCHIVE, subject_of
from golive.postgres.base import Database


@dataclass(frozen=True)
class Run:
    """A declared archive, its newest job, and the newest run by command or job that moved rows."""

    name: str
    plan: ArchivePlan
    job: Job | None
    moved: AuditEntry | None = None

    @property
    def by_hand(self) -> bool:
        """Whether the newest run was a command's."""
        return self.moved is not None and (self.job is None or self.moved.at > self.job.created_at)

    @property
    def state(self) -> str | None:
        """That of the newest run, None without any."""
        return "done" if self.by_hand else self.job.state if self.job is not None else None

    @property
    def at(self) -> datetime | None:
        """When the newest run was begun by job, or had moved its rows by command."""
        if self.moved is not None and self.by_hand:
            return self.moved.at
        return self.job.created_at if self.job is not None else None

    @property
    def reason(self) -> str:
        """Why the newest run failed, how far it is; empty otherwise."""
        if self.by_hand or self.job is None:
            return ""
        return self.job.reason if self.job.state == State.FAILED else self.job.note

    @property
    def rows(self) -> int | None:
        """How many rows the newest run that moved any moved; 0 when a job found none, None without a run."""
        if self.moved is not None:
            return int(self.moved.details.get("rows", 0))
        result = self.job.result if self.job is not None else None
        return int(result.get("rows", 0)) if isinstance(result, dict) else None


def runs_of(database: Database) -> list[Run]:
    """Every declared archive."""
    jobs = Job.objects.filter(kind=ARCHIVE).order_by("-id")
    moves = AuditEntry.objects.filter(project=database.project, action="database.archive").order_by("-id")
    return [
        Run(name, plan, jobs.filter(subject=subject_of(database, name)).first(), moves.filter(subject=name).first())
        for name, plan in plans_of(database).items()
    ]
