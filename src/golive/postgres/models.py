"""All tables of this room, as Django looks for them: the base, and each topic's own."""

from golive.postgres.advice.models import Advice, AdviceRun, AdviceUnderWay
from golive.postgres.backups.models import Backup, Beat, Drill
from golive.postgres.base import Condition, Database
from golive.postgres.look.models import PlanLog, PlanSample, Review, Snapshot, StatementText

__all__ = [
    "Advice",
    "AdviceRun",
    "AdviceUnderWay",
    "Backup",
    "Beat",
    "Condition",
    "Database",
    "Drill",
    "PlanLog",
    "PlanSample",
    "Review",
    "Snapshot",
    "StatementText",
]
