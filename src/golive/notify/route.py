"""Who is told over which channel: people by their own contacts, a project's webhooks and Apprise URLs as a whole."""

from hashlib import sha256

from django.utils import timezone

from golive.notify.contacts import plan
from golive.notify.models import Channels, OutboxMessage, Urgency
from golive.notify.outbox import Content, enqueue
from golive.notify.reach import quiet_of, ways_of
from golive.people.models import Project


def to_person(
    project: Project, email: str, content: Content, *, key: str, urgency: Urgency, about: str = ""
) -> OutboxMessage:
    """Tell one person by their contacts: mail where they have set none. The first message, which stands for all.

    Where none of their ways gets through, the project's other channels are told instead.
    """
    sends = plan(
        ways_of(email),
        quiet_of(email),
        urgent=urgency == Urgency.HIGH,
        now=timezone.now(),
        last=[("apprise", reference) for reference in channels_of(project).apprise],
    )
    made = [
        enqueue(
            project,
            send.channel,
            send.recipient,
            content,
            key=f"{key}:{email}" if place == 0 else f"{key}:{email}:{place}",
            urgency=urgency,
            about=about,
            fallback=send.fallback,
            person=email,
            not_before=send.not_before,
        )
        for place, send in enumerate(sends)
    ]
    return made[0]


def to_channels(
    project: Project, content: Content, *, key: str, urgency: Urgency, about: str = ""
) -> list[OutboxMessage]:
    """Tell every webhook and Apprise URL of the project."""
    kept = channels_of(project)
    targets = [("webhook", hook["url"]) for hook in kept.webhooks] + [("apprise", ref) for ref in kept.apprise]
    targets += [("slack", ref) for ref in kept.slack]
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
