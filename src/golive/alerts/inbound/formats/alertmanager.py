"""Alertmanager's API v2, as Prometheus calls it (a list), and the webhook that an Alertmanager sends (an object).

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml; alerts are the same when their labels are.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import orjson

from golive.alerts.inbound.event import Decoded, Event, EventError, facts, instant, severity_of, text

EXPIRES_AFTER = timedelta(minutes=5)  # Alertmanager's resolve_timeout
MOST_ALERTS = 1000


def decode(body: Any, now: datetime) -> Decoded:
    """The good alerts of a batch are taken even when others of it are refused, as Alertmanager does."""
    # A webhook is sent once and its end is sent too; the API's alerts are repeated and end when they are not.
    repeated = isinstance(body, list)
    alerts = body if repeated else body.get("alerts") if isinstance(body, dict) else None
    if not isinstance(alerts, list):
        raise EventError("expected a list of alerts, or Alertmanager's webhook with the key alerts")
    if len(alerts) > MOST_ALERTS:
        raise EventError(f"{len(alerts)} alerts in one request; at most {MOST_ALERTS} are taken")
    events, refused = [], []
    for number, alert in enumerate(alerts):
        try:
            events.append(_event(alert, now, repeated))
        except EventError as error:
            refused.append(f"alert {number}: {error}")
    return Decoded(events, refused)


def fingerprint(labels: dict[str, str]) -> str:
    """The same for the same labels, in whatever order they come."""
    return hashlib.sha256(orjson.dumps(labels, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _event(alert: Any, now: datetime, repeated: bool) -> Event:
    if not isinstance(alert, dict):
        raise EventError("expected an object")
    labels = _strings(alert.get("labels"), "labels")
    if not labels:
        raise EventError("labels is missing; it names the alert")
    notes = _strings(alert.get("annotations"), "annotations")
    ends = instant(alert.get("endsAt"), "endsAt")
    resolved = alert.get("status") == "resolved" or (ends is not None and ends <= now)
    name = labels.get("alertname", "alert")
    title = notes.get("summary") or notes.get("title") or f"{name} {labels.get('instance', '')}".strip()
    return Event(
        key=fingerprint(labels),
        title=title[:200],
        firing=not resolved,
        severity=severity_of(labels.get("severity")),
        service=(labels.get("service") or labels.get("job") or "")[:120],
        environment=(labels.get("environment") or labels.get("env") or "production")[:64],
        # its description tells what is broken, which is no longer so when it has ended
        reason=""
        if resolved
        else (notes.get("description") or notes.get("message") or notes.get("summary") or "")[:400],
        began_at=instant(alert.get("startsAt"), "startsAt"),
        expires_at=None if resolved else ends or (now + EXPIRES_AFTER if repeated else None),
        facts=facts(labels, notes, {"generatorURL": text(alert.get("generatorURL"), "generatorURL")}),
    )


def _reason(notes: dict[str, str]) -> str:
    return (notes.get("description") or notes.get("message") or notes.get("summary") or "")[:400]


def _strings(value: Any, name: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise EventError(f"{name} must be an object of strings")
    return value
