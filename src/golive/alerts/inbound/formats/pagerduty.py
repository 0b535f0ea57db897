"""PagerDuty's Events API v2: `trigger`, `acknowledge` and `resolve` under a dedup_key, given when there is none."""

import secrets
from datetime import datetime
from typing import Any

from golive.alerts.inbound.event import Decoded, Event, EventError, facts, instant, key_of, severity_of, text

SEVERITIES = ("critical", "error", "warning", "info")
LONGEST_DEDUP_KEY = 255


def decode(body: Any, now: datetime) -> Decoded:
    """One event. An acknowledgement changes nothing here: golive's incident is acknowledged by a person in golive."""
    if not isinstance(body, dict):
        raise EventError("expected an object")
    action = text(body.get("event_action"), "event_action", required=True)
    if action not in ("trigger", "acknowledge", "resolve"):
        raise EventError("event_action must be trigger, acknowledge or resolve")
    told = text(body.get("dedup_key"), "dedup_key", LONGEST_DEDUP_KEY + 1, required=action != "trigger")
    if len(told) > LONGEST_DEDUP_KEY:
        raise EventError(f"dedup_key has more than {LONGEST_DEDUP_KEY} characters")
    told = told or secrets.token_hex(16)
    answer = {"status": "success", "message": "Event processed", "dedup_key": told}
    if action == "acknowledge":
        return Decoded(answer=answer)
    if action == "resolve":
        return Decoded([Event(key_of(told), "", firing=False, reason="resolved by its sender")], answer=answer)
    return Decoded([_triggered(body, key_of(told))], answer=answer)


def _triggered(body: dict[str, Any], key: str) -> Event:
    payload = body.get("payload")
    if not isinstance(payload, dict):
        raise EventError("payload is missing")
    summary = text(payload.get("summary"), "payload.summary", 1024, required=True)
    source = text(payload.get("source"), "payload.source", required=True)
    severity = text(payload.get("severity"), "payload.severity", required=True)
    if severity not in SEVERITIES:
        raise EventError("payload.severity must be critical, error, warning or info")
    details = payload.get("custom_details")
    return Event(
        key=key,
        title=summary[:200],
        firing=True,
        severity=severity_of(severity),
        service=text(payload.get("component"), "payload.component", 120),
        reason=f"{summary} ({source})"[:400],
        began_at=instant(payload.get("timestamp"), "payload.timestamp"),
        facts=facts(
            {"source": source, "severity": severity},
            {name: payload[name] for name in ("component", "group", "class") if payload.get(name)},
            {"client_url": text(body.get("client_url"), "client_url")} if body.get("client_url") else {},
            details if isinstance(details, dict) else {"details": details} if details else {},
        ),
    )
