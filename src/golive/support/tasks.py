"""Customers who wait too long flip a condition; mail for the inboxes comes in by SMTP where a port is named."""

import logging
import threading
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from golive.alerts import flips
from golive.alerts.models import Severity, State
from golive.kit.periodic import Periodic, Process, Service
from golive.support import door
from golive.support.models import Conversation, Inbox
from golive.support.target import Target, judge

log = logging.getLogger(__name__)
SOURCE = "support:unanswered"


def watch(now: datetime | None = None) -> None:
    """One condition for each inbox: fires when somebody waits longer than promised, recovers when nobody does."""
    at = now or timezone.now()
    for inbox in Inbox.objects.select_related("project"):
        oldest = Conversation.objects.filter(project=inbox.project).aggregate(oldest=Min("waiting_since"))["oldest"]
        target = judge(oldest, inbox.reply_within, at)
        if target.overdue != inbox.overdue:
            _flip(inbox, target, at)


def _flip(inbox: Inbox, target: Target, at: datetime) -> None:
    with transaction.atomic():
        if not Inbox.objects.filter(pk=inbox.pk, overdue=inbox.overdue).update(overdue=target.overdue):
            return
        flips.record(
            inbox.project,
            SOURCE,
            title="A customer waits for an answer" if target.overdue else "Every customer has an answer",
            old=State.OK if target.overdue else State.FIRING,
            new=State.FIRING if target.overdue else State.OK,
            severity=Severity.WARNING,
            reason=f"The oldest message {target.reason}." if target.overdue else "Nobody waits longer than promised.",
            at=at,
            began_at=target.due_at,
            link=f"/p/{inbox.project.slug}/support/",
        )


def listen(stop: threading.Event) -> None:
    """Take mail by SMTP for as long as the process lives; nothing to do where no port is named."""
    address = door.address()
    if address is None:
        stop.wait()
        return
    with door.Door(*address) as opened:
        log.info("mail for support inboxes is taken at %s:%s", *opened.address)
        stop.wait()


PERIODIC = [Periodic("notice customers who wait", timedelta(seconds=30), watch)]
SERVICES = [Service("support mail", listen, Process.JOBS)]
