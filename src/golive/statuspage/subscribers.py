"""Who wants to hear of news: asked by mail whether it was they, told by mail, webhook or Slack, left by one click."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.db import transaction

from golive.notify.models import Urgency
from golive.notify.outbox import Content, enqueue
from golive.oncall.plan import address
from golive.people.models import Project
from golive.statuspage.models import (
    Component,
    Maintenance,
    MaintenanceUpdate,
    StatusPage,
    Subscriber,
    Told,
    Update,
)

CONFIRM, LEAVE = "golive.statuspage.confirm", "golive.statuspage.leave"
LIFETIME = timedelta(days=3)
AGAIN_AFTER = timedelta(minutes=10)
MOST = 20_000
SLACK = "hooks.slack.com"


class SubscriptionError(Exception):
    """It cannot be subscribed so; the message says why."""


def subscribe(project: Project, email: str, url: str, codes: Sequence[str], now: datetime) -> Subscriber:
    """Note somebody down and ask by mail whether it was they; again at most every ten minutes.

    Whether an address is known already is not told. Raises SubscriptionError.
    """
    try:
        email = address(email)
    except ValueError:
        raise SubscriptionError("Write an email address.") from None
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname or len(url) > 500):
        raise SubscriptionError("Write the webhook's address like https://example.com/hook.")
    known = {component.code for component in Component.objects.filter(project=project)}
    chosen = [code for code in codes if code in known]
    if Subscriber.objects.filter(project=project).count() >= MOST:
        raise SubscriptionError("This page has as many subscribers as it can tell.")
    with transaction.atomic():
        found, made = Subscriber.objects.get_or_create(
            project=project,
            email=email,
            url=url,
            defaults={"components": chosen, "made_at": now, "asked_at": now},
        )
        if not made and now - found.asked_at < AGAIN_AFTER:
            return found
        found.asked_at = now
        found.save(update_fields=["asked_at"])
        _ask(found, chosen, now)
    return found


def confirm(token: str, now: datetime) -> Subscriber:
    """It was they. Raises SubscriptionError."""
    found, content = _opened(token, CONFIRM, LIFETIME)
    found.components = content.get("components", [])
    found.confirmed_at = found.confirmed_at or now
    found.save(update_fields=["components", "confirmed_at"])
    return found


def leaving(token: str) -> Subscriber:
    """Whom a link to leave belongs to. Raises SubscriptionError."""
    return _opened(token, LEAVE, None)[0]


def tell(update: Update) -> int:
    """Put news of an incident into the outbox for everybody whom it concerns; how many."""
    notice, project = update.notice, update.notice.incident.project
    codes = set(update.affected) or _concerned(update)
    said = Told(update.told).label
    data = {"incident": {"id": notice.code, "name": notice.title, "status": update.told, "body": update.body}}
    return _tell(project, codes, f"{said}: {notice.title}", update.body, data, f"update:{update.pk}")


def tell_maintenance(update: MaintenanceUpdate) -> int:
    """The same for a scheduled maintenance."""
    work: Maintenance = update.maintenance
    when = f"{work.starts_at:%d %b %Y %H:%M} to {work.ends_at:%d %b %H:%M} UTC"
    data = {
        "scheduled_maintenance": {
            "id": work.code,
            "name": work.title,
            "status": update.stage,
            "body": update.body,
            "scheduled_for": work.starts_at.isoformat(),
            "scheduled_until": work.ends_at.isoformat(),
        }
    }
    subject = f"{update.get_stage_display()}: {work.title}"
    return _tell(work.project, set(work.components), subject, f"{update.body}\n\n{when}", data, f"work:{update.pk}")


def leave_url(subscriber: Subscriber) -> str:
    return _address(subscriber, LEAVE, "leave", {})


def title_of(project: Project) -> str:
    page = StatusPage.objects.filter(project=project).first()
    return (page.title if page else "") or f"{project.name} status"


def public_url(slug: str) -> str:
    return f"{settings.PUBLIC_URL}/status/{slug}/"


def _tell(project: Project, codes: set[str], subject: str, body: str, data: dict[str, Any], key: str) -> int:
    title, url, count = title_of(project), public_url(project.slug), 0
    for subscriber in Subscriber.objects.filter(project=project).exclude(confirmed_at=None).iterator():
        if not subscriber.wants(codes):
            continue
        leave = leave_url(subscriber)
        text = f"{body}\n\n{url}\n\nYou get this because you asked {title} for it. Leave: {leave}\n"
        about, name = f"status:{project.pk}", f"status:{key}:{subscriber.pk}"
        if subscriber.url:
            slack = urlsplit(subscriber.url).hostname == SLACK
            sent = (
                {"text": f"*{subject}*\n{body}\n{url}"} if slack else {"page": {"id": project.slug, "url": url}} | data
            )
            content = Content(f"[{title}] {subject}", text, event="statuspage.update", data=sent)
            enqueue(project, "hook", subscriber.url, content, key=name, urgency=Urgency.NORMAL, about=about)
        else:
            mail = Content(f"[{title}] {subject}", text, event="statuspage.update", data={"leave": leave})
            enqueue(project, "email", subscriber.email, mail, key=name, urgency=Urgency.NORMAL, about=about)
        count += 1
    return count


def _concerned(update: Update) -> set[str]:
    """The components of the incident that the update belongs to."""
    incident = update.notice.incident
    sources = [source.source for source in incident.sources.all()]
    return {
        component.code
        for component in Component.objects.filter(project=incident.project_id)
        if any(component.speaks(source, incident.service) for source in sources)
    }


def _ask(subscriber: Subscriber, codes: Sequence[str], now: datetime) -> None:
    title = title_of(subscriber.project)
    link = _address(subscriber, CONFIRM, "confirm", {"components": list(codes)})
    where = f" at {subscriber.url}" if subscriber.url else ""
    text = (
        f"Somebody, you we hope, wants updates of {title} to go to this address{where}.\n\n"
        f"Confirm it: {link}\n\nIf it was not you, do nothing: you will not hear from us again.\n"
    )
    key = f"status:confirm:{subscriber.pk}:{now.timestamp():.0f}"
    content = Content(f"[{title}] Confirm that you want updates", text, event="statuspage.confirm")
    enqueue(subscriber.project, "email", subscriber.email, content, key=key, urgency=Urgency.NORMAL)


def _address(subscriber: Subscriber, purpose: str, verb: str, said: dict[str, Any]) -> str:
    token = signing.dumps({"subscriber": subscriber.pk} | said, salt=purpose, compress=True)
    return f"{public_url(subscriber.project.slug)}subscribe/{verb}/{token}/"


def _opened(token: str, purpose: str, lifetime: timedelta | None) -> tuple[Subscriber, dict[str, Any]]:
    try:
        content: dict[str, Any] = signing.loads(token, salt=purpose, max_age=lifetime)
    except signing.BadSignature:
        raise SubscriptionError("This link does not act any more; subscribe again.") from None
    found = Subscriber.objects.select_related("project").filter(pk=content["subscriber"]).first()
    if found is None:
        raise SubscriptionError("This subscription has ended.")
    return found, content
