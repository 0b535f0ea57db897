"""All tables of this room, as Django looks for them: the base, and each topic's own."""

from golive.postgres.base import Condition, Database
from golive.postgres.look.models import Review, Snapshot, StatementText

__all__ = ["Condition", "Database", "Review", "Snapshot", "StatementText"]
