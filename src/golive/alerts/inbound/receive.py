"""Takes decoded events: the state of each alert and its flip are written in one transaction."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from golive.alerts import flips
from golive.alerts.inbound.event import Event
from golive.alerts.inbound.machine import Move, Standing, forget, hear, wait
from golive.alerts.models import Integration, OutsideAlert, Severity, State

MOST_FIRING = 2000
KEPT = timedelta(days=7)
EPOCH_SLACK = timedelta(days=30)


def take(integration: Integration, events: Iterable[Event], now: datetime) -> list[str]:
    """Apply events in their order; answers what was refused because too much fires already."""
    given = list(events)
    refused: list[str] = []
    with transaction.atomic():
        _lock(integration)
        keys = {event.key for event in given}
        known = {alert.key: alert for alert in integration.alerts.filter(key__in=keys)}
        firing = integration.alerts.filter(state=State.FIRING).count()
        for event in given:
            alert = known.get(event.key)
            if alert is None and not event.firing:
                continue
            if alert is None and firing >= MOST_FIRING:
                refused.append(f"{event.title}: {MOST_FIRING} alerts of {integration.name} fire already")
                continue
            move = hear(_standing(alert), event)
            alert = alert or OutsideAlert(integration=integration, key=event.key, since=now)
            firing += int(move.new == State.FIRING) - int(move.old == State.FIRING)
            if event.firing:
                alert.title, alert.service, alert.environment = event.title, event.service, event.environment
            alert.expires_at = event.expires_at
            _write(alert, move, now, event)
            known[event.key] = alert
        Integration.objects.filter(pk=integration.pk).update(last_used_at=now)
    return refused


def expire(now: datetime) -> int:
    """End what was not repeated until its end, and drop what ended long ago; how many ended."""
    ended = 0
    due = OutsideAlert.objects.filter(state=State.FIRING, expires_at__lte=now)
    for integration in Integration.objects.filter(pk__in=due.values("integration")).select_related("project"):
        with transaction.atomic():
            _lock(integration)
            for alert in integration.alerts.filter(state=State.FIRING, expires_at__lte=now):
                if move := wait(_standing(alert), now):
                    _write(alert, move, now)
                    ended += 1
    OutsideAlert.objects.exclude(state=State.FIRING).filter(heard_at__lt=now - KEPT).delete()
    return ended


def let_go(integration: Integration, now: datetime) -> None:
    """Say of what still fires that nothing more is heard of it. Call it in the transaction that revokes."""
    for alert in integration.alerts.filter(state=State.FIRING):
        if move := forget(_standing(alert)):
            _write(alert, move, now)


def _lock(integration: Integration) -> None:
    """Events of one integration are taken one after another."""
    Integration.objects.select_for_update().get(pk=integration.pk)


def _standing(alert: OutsideAlert | None) -> Standing:
    if alert is None:
        return Standing()
    return Standing(State(alert.state), Severity(alert.severity), alert.expires_at)


def _write(alert: OutsideAlert, move: Move, now: datetime, event: Event | None = None) -> None:
    if move.flips:
        _flip(alert, move, now, event)
    if move.old != move.new:
        alert.since = now
    alert.state, alert.severity = move.new, move.severity
    alert.heard_at = now if event else alert.heard_at
    alert.save()


def _flip(alert: OutsideAlert, move: Move, now: datetime, event: Event | None) -> None:
    integration = alert.integration
    flips.record(
        integration.project,
        f"external:{integration.name}:{alert.key}",
        title=f"{alert.title[:180]} has recovered" if move.new == State.OK else alert.title,
        old=move.old,
        new=move.new,
        severity=move.severity,
        reason=move.reason,
        at=now,
        began_at=_began(event, now),
        service=alert.service,
        environment=alert.environment,
        link=f"/p/{integration.project.slug}/integrations/",
        evidence={"integration": integration.name, **({"sent": event.facts} if event else {})},
    )


def _began(event: Event | None, now: datetime) -> datetime:
    """When the sender says it began; a clock ahead of ours, or of another age, is not believed."""
    told = event.began_at if event and event.firing else None
    return told if told and now - EPOCH_SLACK <= told <= now else now
