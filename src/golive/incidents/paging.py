"""Pages the people on call for critical incidents until somebody acknowledges."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min

from golive.alerts.models import Severity
from golive.incidents import mail
from golive.incidents.lifecycle import State
from golive.incidents.models import EntryKind, Incident, PageSent
from golive.incidents.timeline import write
from golive.notify.models import Urgency
from golive.notify.route import to_person
from golive.oncall.escalation import Page, Paged, decide
from golive.oncall.roster import roster_of

LOOK_AGAIN = timedelta(minutes=1)
NOBODY = "Nobody is on call: name people in [oncall] of golive.toml and run `golive apply`"


def page_due(now: datetime) -> int:
    """Send the pages that are due; how many. Any number of pagers may call it."""
    waiting = Incident.objects.filter(state=State.DETECTED, severity=Severity.CRITICAL, next_page_at__lte=now)
    return sum(_page(pk, now) for pk in waiting.order_by("next_page_at").values_list("pk", flat=True))


def note_delivery() -> None:
    """An incident counts as paged when the first page was accepted by its receiver, not when it was queued."""
    for incident in Incident.objects.filter(paged_at=None, pages__message__sent_at__isnull=False).distinct():
        first = incident.pages.aggregate(at=Min("message__sent_at"))["at"]
        Incident.objects.filter(pk=incident.pk, paged_at=None).update(paged_at=first)


def _page(pk: int, now: datetime) -> int:
    with transaction.atomic():
        incident = Incident.objects.select_for_update().select_related("project").get(pk=pk)
        if incident.state != State.DETECTED or incident.next_page_at is None or incident.next_page_at > now:
            return 0  # acknowledged, or paged by another pager, meanwhile
        policy = roster_of(incident.project).on_call_at(now, incident.service, _turn(incident))
        sent = list(incident.pages.all())
        since = max(incident.paging_since, incident.snoozed_until or incident.paging_since)
        decision = decide(policy, since, [Paged(page.who, page.at) for page in sent if page.at >= since], now)
        for number, page in enumerate(decision.pages, start=len(sent) + 1):
            _send(incident, number, page, now)
        if decision.next_at is None:
            _note_once(incident, NOBODY, now)
        if not decision.pages and policy.opens_at is not None:
            _note_once(
                incident, f"Pages wait for the hours of policy {policy.name}, from {policy.opens_at:%a %H:%M} UTC", now
            )
        incident.next_page_at = decision.next_at or now + LOOK_AGAIN
        incident.save(update_fields=["next_page_at"])
        return len(decision.pages)


def _turn(incident: Incident) -> int:
    """How many incidents that page came before: what round robins count by."""
    return Incident.objects.filter(project=incident.project, severity=Severity.CRITICAL, pk__lt=incident.pk).count()


def _note_once(incident: Incident, words: str, now: datetime) -> None:
    if not incident.timeline.filter(text=words).exists():
        write(incident, EntryKind.NOTE, words, now)


def _send(incident: Incident, number: int, page: Page, now: datetime) -> None:
    message = to_person(
        incident.project,
        page.who,
        mail.page(incident, page),
        key=f"{incident.about}:page:{number}",
        urgency=Urgency.HIGH,
        about=incident.about,
    )
    PageSent.objects.create(incident=incident, number=number, who=page.who, reason=page.reason, at=now, message=message)
    write(incident, EntryKind.PAGED, f"Paged {page.who} ({page.detail})", now, message=message)
