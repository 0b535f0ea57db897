"""The audit trail: every change a person, token or command makes goes through `record`."""

from typing import Any

from golive.people.models import AuditEntry, Project


def record(actor: str, action: str, subject: str, *, project: Project | None = None, **details: Any) -> AuditEntry:
    """Write one entry. `actor` is an email, "token:NAME", "cli" or "golive"; `action` like "incident.acknowledge"."""
    return AuditEntry.objects.create(actor=actor, action=action, subject=subject, project=project, details=details)
