"""golive's own webhook for whatever can post JSON: title, severity, status, dedup_key and a few words more."""

from datetime import datetime
from typing import Any

from golive.alerts.inbound.event import (
    SEVERITIES,
    Decoded,
    Event,
    EventError,
    facts,
    instant,
    key_of,
    severity_of,
    text,
)

FIRING = ("firing", "triggered", "down", "open")
RESOLVED = ("resolved", "ok", "up", "closed")


def decode(body: Any, now: datetime) -> Decoded:
    """One event. Without a dedup_key alerts are the same when their titles are."""
    if not isinstance(body, dict):
        raise EventError("expected a JSON object with at least a title")
    title = text(body.get("title"), "title", 1024, required=not body.get("dedup_key"))
    key = text(body.get("dedup_key"), "dedup_key", 1024) or title
    status = (text(body.get("status"), "status") or "firing").lower()
    if status not in FIRING + RESOLVED:
        raise EventError("status must be firing or resolved")
    severity = text(body.get("severity"), "severity").lower()
    if severity and severity not in SEVERITIES:
        raise EventError("severity must be critical, warning or info")
    details = body.get("details")
    event = Event(
        key=key_of(key),
        title=(title or key)[:200],
        firing=status in FIRING,
        severity=severity_of(severity),
        service=text(body.get("service"), "service", 120),
        environment=text(body.get("environment"), "environment", 64) or "production",
        reason=text(body.get("description"), "description", 400),
        began_at=instant(body.get("at"), "at"),
        facts=facts(details) if isinstance(details, dict) else {},
    )
    return Decoded([event], answer={"status": "accepted", "dedup_key": key})
