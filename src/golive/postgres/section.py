"""`[database]` of golive.toml. A topic's table is one field here and a model in the topic's `plan.py`."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from golive.config.sections import Difference, Section, register
from golive.kit.durations import format_duration
from golive.postgres.advice.plan import AdvicePlan
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.backups.plan import BackupPlan
from golive.postgres.look.plan import MachinePlan, PlansPlan, ReviewPlan
from golive.postgres.models import Database
from golive.postgres.partition.plan import PartitionPlan
from golive.postgres.pool.plan import PoolPlan
from golive.postgres.reference import Reference
from golive.postgres.rotate.plan import RotatePlan


class DatabaseSection(BaseModel):
    """The product's own PostgreSQL."""

    model_config = ConfigDict(extra="forbid")
    url: Reference = ""
    """A reference to the URL by which golive looks at it, with the role that `golive db connect` makes."""
    admin: Reference = ""
    """A reference to the URL of a role that may change things; used only by commands with `--apply`."""
    replicas: list[Reference] = []
    """References to the URLs of read replicas that exist."""
    machine: MachinePlan = MachinePlan()
    """What the database runs on."""
    pool: PoolPlan = PoolPlan()
    """The connection pool."""
    backup: BackupPlan = BackupPlan()
    """Backups and their drills."""
    rotate: RotatePlan = RotatePlan()
    """Credentials that take turns."""
    review: ReviewPlan = ReviewPlan()
    """The weekly slow-query review."""
    plans: PlansPlan = PlansPlan()
    """Sampled plans."""
    advice: AdvicePlan = AdvicePlan()
    """Index and query advice."""
    archive: dict[str, ArchivePlan] = {}
    """Tables whose old rows move to cold storage, by name."""
    partition: dict[str, PartitionPlan] = {}
    """Tables whose partitions golive makes ahead and retires, by name."""


def _said(plan: DatabaseSection) -> dict[str, str | None]:
    """Each key's value in one line; references are no secrets."""
    return {f"database.{name}": _line(value) for name, value in plan.model_dump(by_alias=True).items()}


def _line(value: object) -> str | None:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, dict):
        parts = (f"{name} {_line(inner)}" for name, inner in value.items() if inner not in (None, "", [], {}))
        return ", ".join(parts) or None
    if isinstance(value, list):
        return ", ".join(str(_line(inner)) for inner in value) or None
    return str(value) if value not in (None, "") else None


def differences(project_id: int, wanted: DatabaseSection) -> list[Difference]:
    """Keys whose value changes; without a `url` there is no database and nothing is compared."""
    kept = Database.objects.filter(project_id=project_id).first()
    if kept is None and not wanted.url:
        return []
    have = _said(DatabaseSection.model_validate(kept.plan)) if kept else {}
    want = _said(wanted) if wanted.url else {}
    names = {**have, **want}
    return [Difference(name, have.get(name), want.get(name)) for name in names if have.get(name) != want.get(name)]


def apply(project_id: int, wanted: DatabaseSection, actor: str) -> None:
    """Make the project's database that of the file; without a `url` golive forgets it and its conditions."""
    if not wanted.url:
        Database.objects.filter(project_id=project_id).delete()
        return
    Database.objects.update_or_create(
        project_id=project_id,
        defaults={
            "url": wanted.url,
            "admin": wanted.admin,
            "replicas": list(wanted.replicas),
            "plan": wanted.model_dump(mode="json", by_alias=True),
        },
    )


register(Section("database", DatabaseSection, differences, apply))
