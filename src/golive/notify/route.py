"""Who is told over which channel: people by mail, a project's webhooks and Apprise URLs as a whole."""

from hashlib import sha256

from golive.notify.models import Channels, OutboxMessage, Urgency
from golive.notify.outbox import Content, enqueue
from golive.people.models import Project


def to_person(
    project: Project, email: str, content: Content, *, key: str, urgency: Urgency, about: str = ""
) -> OutboxMessage:
    """Mail one person; if mail does not get through, the project's other channels are told instead."""
    return enqueue(
        project,
        "email",
        email,
        content,
        key=f"{key}:{email}",
        urgency=urgency,
        about=about,
        fallback=[("apprise", reference) for reference in channels_of(project).apprise],
    )


def to_channels(
    project: Project, content: Content, *, key: str, urgency: Urgency, about: str = ""
) -> list[OutboxMessage]:
    """Tell every webhook and Apprise URL of the project."""
    kept = channels_of(project)
    targets = [("webhook", hook["url"]) for hook in kept.webhooks] + [("apprise", ref) for ref in kept.apprise]
    return [
        enqueue(project, channel, to, content, key=f"{key}:{channel}:{_short(to)}", urgency=urgency, about=about)
        for channel, to in targets
    ]


def _short(recipient: str) -> str:
    """A recipient inside a key that receivers see: a webhook's URL may itself be a secret."""
    return sha256(recipient.encode()).hexdigest()[:8]


def channels_of(project: Project) -> Channels:
    """The project's channels; empty ones when none are set."""
    return Channels.objects.filter(project=project).first() or Channels(project=project)
