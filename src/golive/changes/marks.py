"""Changes as charts show them: deploys and the like as marks, incidents as bands."""

from datetime import datetime

from django.db.models import Q

from golive.changes.models import Change, Kind
from golive.console.charts import Band, Mark
from golive.people.models import Project

MOST = 50  # of each: more marks than that hide the chart


def marks(project: Project, since: datetime, until: datetime, environment: str = "") -> tuple[list[Mark], list[Band]]:
    """What to draw over a chart of `since` to `until`, oldest first; all environments unless one is named."""
    changes = Change.objects.filter(project=project)
    if environment:
        changes = changes.filter(environment=environment)
    points = changes.exclude(kind=Kind.INCIDENT).filter(at__gte=since, at__lt=until)[:MOST]
    stretches = changes.filter(kind=Kind.INCIDENT, at__lt=until).filter(Q(until=None) | Q(until__gt=since))[:MOST]
    return (
        [Mark(at=c.at, label=c.title, link=c.link) for c in reversed(points)],
        [Band(since=c.at, until=c.until, label=c.title, link=c.link) for c in reversed(stretches)],
    )
