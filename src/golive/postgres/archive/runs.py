"""What is known of an archive's runs: the newest job of each, with what it moved."""

from dataclasses import dataclass

from golive.jobs.models import Job
from golive.postgres.archive.declared import plans_of
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.tasks import ARCHIVE, subject_of
from golive.postgres.base import Database


@dataclass(frozen=True)
class Run:
    """A declared archive and its newest run."""

    name: str
    plan: ArchivePlan
    job: Job | None

    @property
    def rows(self) -> int | None:
        """How many rows the newest run moved; None without one that ended well."""
        result = self.job.result if self.job is not None else None
        return int(result.get("rows", 0)) if isinstance(result, dict) else None


def runs_of(database: Database) -> list[Run]:
    """Every declared archive."""
    jobs = Job.objects.filter(kind=ARCHIVE).order_by("-id")
    return [
        Run(name, plan, jobs.filter(subject=subject_of(database, name)).first())
        for name, plan in plans_of(database).items()
    ]
