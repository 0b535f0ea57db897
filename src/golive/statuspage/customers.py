"""Mail to customers whom an incident hit: when it has lasted long enough and nobody holds it; and when it is over."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import orjson
from django.core.cache import cache
from django.db import transaction

from golive.alerts.models import Severity
from golive.incidents import impact
from golive.incidents.lifecycle import CLOSED, OPEN
from golive.incidents.models import EntryKind, Incident
from golive.incidents.timeline import write
from golive.kit.connections import Limits, OutboundError
from golive.kit.outbound import fetch_blocking
from golive.notify.models import Urgency
from golive.notify.outbox import Content, enqueue
from golive.oncall.plan import address
from golive.people.secrets import is_reference, resolve
from golive.statuspage import subscribers, telling
from golive.statuspage.models import CustomerTold, Notice, StatusPage
from golive.telemetry.store import StoreError

LIMITS = Limits(total=timedelta(seconds=15), body_bytes=1 << 20, redirects=0)
RECENT = timedelta(days=2)
PLANS_AGAIN = timedelta(minutes=5)
log = logging.getLogger(__name__)


def addresses(ids: Sequence[str], looked_up: Mapping[str, str]) -> dict[str, str]:
    """The addresses of customers: what the lookup says, else the id itself where it is an address."""
    found = {}
    for one in ids:
        try:
            found[one] = address(looked_up.get(one, one))
        except ValueError:
            continue
    return found


def due(now: datetime) -> list[Incident]:
    """Incidents whose customers are to be told: critical, told on the page, on for long enough, not held."""
    found = Incident.objects.filter(
        state__in=OPEN, severity=Severity.CRITICAL, notice__isnull=False, project__statuspage__mail_customers=True
    )
    return [
        incident
        for incident in found.select_related("project__statuspage")
        if now - incident.began_at >= incident.project.statuspage.publish_after and not telling.is_held(incident)
    ]


def tell_due(now: datetime) -> int:
    """Mail those who were hit and have not been told; those whom it hits later are told in a later round."""
    told = 0
    for incident in due(now):
        try:
            ids = [customer.id for customer in impact.customers(incident, now)]
        except StoreError as error:
            log.warning("who was hit by %s is not known now: %s", incident, error)
            ids = []  # the plans do not wait for the store
        known = set(incident.customers_told.values_list("customer", flat=True))
        page = incident.project.statuspage
        fresh = [one for one in ids if one[:200] not in known]
        hit = addresses(fresh, _ask(page, {"ids": fresh})) if fresh else {}
        told += _tell(incident, hit, "who met failures", now)
        told += _tell(incident, _of_plans(incident, page, known | set(hit)), f"of {' and '.join(page.mail_plans)}", now)
    over = Incident.objects.filter(
        state__in=CLOSED, resolved_at__gte=now - RECENT, customers_told__isnull=False
    ).distinct()
    return told + sum(_tell_over(incident) for incident in over.select_related("project"))


def _of_plans(incident: Incident, page: StatusPage, known: set[str]) -> dict[str, str]:
    """The customers of the plans that are always told, but for those told already; asked every five minutes."""
    if not page.mail_plans or not cache.add(f"statuspage.plans.{incident.pk}", True, PLANS_AGAIN.total_seconds()):
        return {}
    found = _ask(page, {"plans": page.mail_plans})
    if not found:  # the lookup was away, or knows nobody: ask again in the next round
        cache.delete(f"statuspage.plans.{incident.pk}")
    fresh = [one for one in found if one[:200] not in known]
    return addresses(fresh, found)


def _tell(incident: Incident, found: Mapping[str, str], whom: str, now: datetime) -> int:
    if not found:
        return 0
    notice = Notice.objects.get(incident=incident)
    update = notice.updates.first()
    title, url = subscribers.title_of(incident.project), subscribers.public_url(incident.project.slug)
    body = update.body if update else notice.title
    text = f"{body}\n\nYou may have noticed it. We keep this page up to date: {url}\n"
    content = Content(f"[{title}] {notice.title}", text, event="statuspage.customer")
    with transaction.atomic():
        for customer, to in found.items():
            CustomerTold.objects.get_or_create(
                incident=incident, customer=customer[:200], defaults={"address": to, "at": now}
            )
            key = f"{incident.about}:customer:{customer}"[:200]
            enqueue(incident.project, "email", to, content, key=key, urgency=Urgency.NORMAL, about=incident.about)
        words = f"Mailed {len(found)} customer{'s' if len(found) != 1 else ''} {whom}"
        write(incident, EntryKind.PUBLISHED, words, now)
    return len(found)


def _tell_over(incident: Incident) -> int:
    """The same people hear that it is over; the outbox keeps it to once."""
    if telling.is_held(incident):
        return 0
    notice = Notice.objects.filter(incident=incident).first()
    update = notice.updates.first() if notice else None
    if notice is None or update is None:
        return 0
    title = subscribers.title_of(incident.project)
    content = Content(f"[{title}] Resolved: {notice.title}", f"{update.body}\n", event="statuspage.customer")
    for told in incident.customers_told.all():
        key = f"{incident.about}:customer-over:{told.customer}"[:200]
        enqueue(incident.project, "email", told.address, content, key=key, urgency=Urgency.NORMAL, about=incident.about)
    return 0


def _ask(page: StatusPage, question: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Ask the project's own service for addresses, by {"ids": [...]} or {"plans": [...]}: {"id": "address"}."""
    if not page.lookup:
        return {}
    try:
        url = resolve(page.lookup) if is_reference(page.lookup) else page.lookup
        answer = fetch_blocking(
            url,
            method="POST",
            headers={"content-type": "application/json"},
            content=orjson.dumps(question),
            limits=LIMITS,
        )
        found = orjson.loads(answer.body) if answer.status == 200 else {}
    except (OutboundError, ValueError) as error:
        log.warning("customers' addresses could not be looked up: %s", type(error).__name__)
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
