"""What every format is decoded to, and the readers that the formats share."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from golive.alerts.models import Severity

LONGEST_KEY = 100
LONGEST_VALUE = 500
MOST_FACTS = 40
SEVERITIES = {
    **dict.fromkeys(("critical", "page", "error", "high", "emergency", "fatal"), Severity.CRITICAL),
    **dict.fromkeys(("warning", "warn", "medium"), Severity.WARNING),
    **dict.fromkeys(("info", "informational", "none", "low", "debug"), Severity.INFO),
}


class EventError(ValueError):
    """What was sent cannot be read; the message says which field and what was expected."""


@dataclass(frozen=True)
class Event:
    """One alert that fires or has ended. `expires_at` None: it stands until it is resolved."""

    key: str
    title: str
    firing: bool
    severity: Severity = Severity.CRITICAL
    service: str = ""
    environment: str = "production"
    reason: str = ""
    began_at: datetime | None = None
    expires_at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decoded:
    """The events of one request, what was refused of it, and the format's own answer to the sender."""

    events: list[Event] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    answer: dict[str, Any] | None = None


def key_of(told: str) -> str:
    """A key that fits a column: short ones stay readable, long ones become their digest."""
    return told if len(told) <= LONGEST_KEY else hashlib.sha256(told.encode()).hexdigest()


def severity_of(told: object) -> Severity:
    """golive's word for a tool's. What is unknown or not said pages: silence would be the worse mistake."""
    return SEVERITIES.get(str(told or "").strip().lower(), Severity.CRITICAL)


def text(value: Any, name: str, longest: int = LONGEST_VALUE, required: bool = False) -> str:
    """A string field, cut to `longest` characters; "" when it is absent and not required."""
    if value is None or value == "":
        if required:
            raise EventError(f"{name} is missing")
        return ""
    if not isinstance(value, str):
        raise EventError(f"{name} must be a string")
    return value[:longest]


def instant(value: Any, name: str) -> datetime | None:
    """An RFC 3339 instant; None when it is absent or Go's zero time."""
    said = text(value, name)
    if not said or said.startswith("0001-"):
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise EventError(f"{name} must be a time like 2026-01-31T09:30:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def facts(*groups: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside the alert as evidence, bounded in number and length."""
    pairs = [(str(name)[:100], str(value)[:LONGEST_VALUE]) for group in groups for name, value in group.items()]
    return dict(pairs[:MOST_FACTS])
