"""The database in the home page's first sentence, when it needs somebody."""

from golive.alerts.models import State
from golive.console.panels import Sentence, register_sentence
from golive.people.models import Project
from golive.postgres.models import Condition


def _tell(project: Project) -> str | None:
    worst = (
        Condition.objects.filter(database__project=project, state=State.FIRING).order_by("severity", "since").first()
    )
    return f"database: {worst.reason}" if worst else None


register_sentence(Sentence(order=45, tell=_tell))
