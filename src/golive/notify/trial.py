"""Trial messages: does every channel get through?"""

from datetime import datetime

from golive.notify.models import OutboxMessage, Urgency
from golive.notify.outbox import Content
from golive.notify.route import to_channels, to_person
from golive.people.models import Project

REACH = "/account/reach/"


def enqueue(project: Project, by: str, at: datetime, *, to: str = "") -> list[OutboxMessage]:
    """Put a trial message for every channel of the project into the outbox, and a mail when `to` is given."""
    content = Content(
        subject=f"[test] {project}: notifications work",
        text=f"This is a test that {by} asked for at {at:%H:%M:%S} UTC. Nothing is broken.",
        event="test",
        data={"project": project.slug, "by": by},
    )
    key = f"test:{project.slug}:{at.timestamp():.3f}"
    sent = to_channels(project, content, key=key, urgency=Urgency.HIGH)
    if to:
        sent.append(to_person(project, to, content, key=key, urgency=Urgency.HIGH))
    return sent


def page(project: Project, person: str, at: datetime) -> OutboxMessage:
    """Page one person as an incident would, by all their ways; nothing is broken."""
    content = Content(
        subject=f"[test] {project}: this is how a page reaches you",
        text=f"You asked for this test page at {at:%H:%M:%S} UTC. Nothing is broken.",
        event="test",
        data={"project": project.slug, "reason": "You asked for a test page. Nothing is broken.", "url": REACH},
    )
    key = f"test:page:{at.timestamp():.3f}"
    return to_person(project, person, content, key=key, urgency=Urgency.HIGH, about=f"test:{person}"[:64])
