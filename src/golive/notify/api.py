"""The outbox over HTTP."""

from datetime import datetime

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status

from golive.notify import outbox, trial
from golive.notify.models import Delivery, OutboxMessage
from golive.people import audit
from golive.people.models import Project
from golive.people.tokens import actor, scope

router = Router()


class AttemptOut(Schema):
    """One try."""

    number: int
    began_at: datetime
    ended_at: datetime | None
    outcome: str
    error: str


class MessageOut(Schema):
    """A message and what became of it."""

    id: int
    channel: str
    recipient: str
    subject: str
    urgency: str
    about: str
    key: str
    message_id: str
    state: str
    tries: int
    created_at: datetime
    sent_at: datetime | None
    next_attempt_at: datetime
    last_error: str
    attempts: list[AttemptOut]


class TrialIn(Schema):
    """`to`: an address to mail as well."""

    to: str = ""


@router.get(
    "/projects/{slug}/notifications", response=list[MessageOut], auth=scope("notify:read"), summary="List messages"
)
def messages(request: HttpRequest, slug: str, state: Delivery | None = None, limit: int = 50) -> list[OutboxMessage]:
    """The newest messages first, at most 200, with their attempts."""
    found = OutboxMessage.objects.filter(project__slug=slug).prefetch_related("attempts")
    found = found.filter(state=state) if state else found
    return list(found[: max(1, min(limit, 200))])


@router.post(
    "/projects/{slug}/notifications/trials",
    response={202: list[MessageOut]},
    auth=scope("notify:write"),
    summary="Try every channel",
)
def try_channels(request: HttpRequest, slug: str, body: TrialIn) -> Status[list[OutboxMessage]]:
    """Send a test message over every channel; look at the list for what became of them."""
    project = get_object_or_404(Project, slug=slug)
    audit.record(actor(request), "notify.test", slug, project=project)
    return Status(202, trial.enqueue(project, actor(request), timezone.now(), to=body.to))


@router.post(
    "/projects/{slug}/notifications/{int:pk}/retries",
    response={202: MessageOut},
    auth=scope("notify:write"),
    summary="Send a failed message again",
)
def retry(request: HttpRequest, slug: str, pk: int) -> Status[OutboxMessage]:
    """Put a failed or dead message at the head of the queue; one that was sent stays as it is."""
    message = get_object_or_404(OutboxMessage, project__slug=slug, pk=pk)
    if outbox.retry_now(message):
        audit.record(actor(request), "notify.retry", message.key, project=message.project)
        message.refresh_from_db()
    return Status(202, message)
