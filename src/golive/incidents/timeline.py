"""Writing an incident's timeline."""

from datetime import datetime

from golive.alerts.models import Flip
from golive.incidents.models import EntryKind, Incident, TimelineEntry
from golive.notify.models import OutboxMessage


def write(
    incident: Incident,
    kind: EntryKind,
    text: str,
    at: datetime,
    *,
    actor: str = "golive",
    link: str = "",
    flip: Flip | None = None,
    message: OutboxMessage | None = None,
) -> TimelineEntry:
    """Add a line."""
    return TimelineEntry.objects.create(
        incident=incident, kind=kind, text=text, at=at, actor=actor, link=link, flip=flip, message=message
    )
