"""The outbox's verbs: enqueue, claim, settle, release. A claim is a compare-and-swap judged by its row count."""

import os
import random
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from golive.notify import wake
from golive.notify.backoff import Retry, after_failure
from golive.notify.channels import DeliveryError
from golive.notify.models import Attempt, Delivery, OutboxMessage, Outcome, Urgency
from golive.people.models import Project

LEASE = timedelta(seconds=45)  # longer than any channel's time-out
WAITING = (Delivery.PENDING, Delivery.FAILED)


@dataclass(frozen=True)
class Content:
    """What a message says. `event` and `data` are for machines, the rest for people."""

    subject: str
    text: str
    html: str = ""
    event: str = "note"
    data: dict[str, Any] = field(default_factory=dict)


def enqueue(
    project: Project,
    channel: str,
    recipient: str,
    content: Content,
    *,
    key: str,
    urgency: Urgency = Urgency.NORMAL,
    about: str = "",
    fallback: Sequence[tuple[str, str]] = (),
    person: str = "",
    not_before: datetime | None = None,
    message_id: str = "",
) -> OutboxMessage:
    """Put a message into the outbox, in the caller's transaction; the same `key` again changes nothing.

    `message_id` is the mail's own, for who must recognise the answers to it; a random one else.
    """
    now = timezone.now()
    message, made = OutboxMessage.objects.get_or_create(
        key=key,
        defaults={
            "project": project,
            "channel": channel,
            "recipient": recipient,
            "person": person,
            "subject": content.subject[:250],
            "text": content.text,
            "html": content.html,
            "event": content.event,
            "data": content.data,
            "urgency": urgency,
            "about": about,
            "fallback": [list(pair) for pair in fallback],
            "message_id": message_id or f"<{uuid.uuid4().hex}@{urlsplit(settings.PUBLIC_URL).hostname or 'localhost'}>",
            "next_attempt_at": max(not_before or now, now),
            "created_at": now,
        },
    )
    if made:
        wake.wake()
    return message


def due(now: datetime, limit: int) -> list[OutboxMessage]:
    """Messages to be sent now, urgent ones first: those that wait, and those whose sender's lease ran out."""
    waiting = Q(state__in=WAITING, next_attempt_at__lte=now)
    left_behind = Q(state=Delivery.CLAIMED, lease_until__lt=now)
    found = OutboxMessage.objects.filter(waiting | left_behind).select_related("project")
    return list(found.order_by("urgency", "next_attempt_at", "id")[:limit])  # "high" sorts before "normal"


def claim(message: OutboxMessage, worker: str, now: datetime) -> Attempt | None:
    """Take a message for sending; None when another worker was faster."""
    with transaction.atomic():
        taken = OutboxMessage.objects.filter(
            pk=message.pk, state=message.state, tries=message.tries, lease_until=message.lease_until
        ).update(state=Delivery.CLAIMED, tries=F("tries") + 1, claimed_by=worker, lease_until=now + LEASE)
        if taken != 1:
            return None
        message.attempts.filter(outcome="").update(
            outcome=Outcome.LOST, ended_at=now, error="The sender died; sent again with the same identity."
        )
        message.tries += 1
        return Attempt.objects.create(message=message, number=message.tries, began_at=now)


def succeeded(attempt: Attempt, now: datetime) -> None:
    """Record that the receiver has accepted the message."""
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(outcome=Outcome.SENT, ended_at=now, error="")
        OutboxMessage.objects.filter(pk=attempt.message_id).update(
            state=Delivery.SENT, sent_at=now, lease_until=None, claimed_by="", last_error=""
        )


def failed(attempt: Attempt, error: DeliveryError, now: datetime) -> Retry:
    """Record a failed try, plan the next or give up, and turn to the fallback when it is time."""
    message = attempt.message
    retry = after_failure(
        attempt.number,
        message.created_at,
        now,
        message.urgency,
        permanent=error.permanent,
        jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
    )
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(outcome=Outcome.FAILED, ended_at=now, error=str(error)[:500])
        OutboxMessage.objects.filter(pk=message.pk, state=Delivery.CLAIMED, tries=attempt.number).update(
            state=Delivery.FAILED if retry.at else Delivery.DEAD,
            next_attempt_at=retry.at or now,
            lease_until=None,
            claimed_by="",
            last_error=str(error)[:500],
        )
        if retry.use_fallback:
            _turn_to_fallback(message)
    return retry


def withdraw(about: str, prefix: str, *, untried_only: bool = False) -> int:
    """Do not send any more what has not got through yet: pages after somebody acknowledged; how many.

    One that a sender holds at this moment is not stopped. `untried_only` spares those that were tried already.
    """
    waiting = OutboxMessage.objects.filter(about=about, key__startswith=prefix, state__in=WAITING)
    if untried_only:
        waiting = waiting.filter(tries=0, next_attempt_at__gt=timezone.now())
    return waiting.update(state=Delivery.WITHDRAWN)


def retry_now(message: OutboxMessage) -> bool:
    """Put a failed or dead message at the head of the queue; False when it is neither."""
    changed = OutboxMessage.objects.filter(pk=message.pk, state__in=(Delivery.FAILED, Delivery.DEAD)).update(
        state=Delivery.PENDING, next_attempt_at=timezone.now()
    )
    wake.wake()
    return changed == 1


def worker_name() -> str:
    """This process, so that its claims can be told from those of a dead one on the same machine."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def release_dead(now: datetime) -> int:
    """End the leases of dead processes of this machine at once instead of waiting for them to run out."""
    freed = 0
    for worker in OutboxMessage.objects.filter(state=Delivery.CLAIMED).values_list("claimed_by", flat=True).distinct():
        host, pid, created = worker.rsplit(":", 2)
        if host == socket.gethostname() and not _lives(int(pid), created):
            freed += OutboxMessage.objects.filter(state=Delivery.CLAIMED, claimed_by=worker).update(
                lease_until=now - timedelta(microseconds=1)
            )
    return freed


def _lives(pid: int, created: str) -> bool:
    try:
        return f"{psutil.Process(pid).create_time():.2f}" == created
    except psutil.NoSuchProcess:
        return False


def _turn_to_fallback(message: OutboxMessage) -> None:
    """Tell the same by the next channel; the first one goes on trying."""
    if not message.fallback:
        return
    (channel, recipient), *rest = message.fallback
    content = Content(message.subject, message.text, message.html, message.event, message.data)
    enqueue(
        message.project,
        channel,
        recipient,
        content,
        key=f"{message.key}>{channel}{len(rest) or ''}"[:200],
        urgency=Urgency(message.urgency),
        about=message.about,
        fallback=[tuple(pair) for pair in rest],
        person=message.person,
    )
