"""Integration keys: made, shown once, kept as digests, revoked."""

import secrets
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from golive.alerts.inbound import receive
from golive.alerts.models import Integration, IntegrationKind
from golive.people.models import Project
from golive.people.tokens import digest


class IntegrationError(ValueError):
    """A name that cannot be used; the message says why."""


def create(project: Project, name: str, kind: IntegrationKind) -> tuple[Integration, str]:
    """Make an integration; the second value is its key, shown this once. PagerDuty's clients want 32 characters."""
    slug = slugify(name)[:40]
    if not slug:
        raise IntegrationError(f"{name!r} has no letters or digits to name an integration by")
    value = secrets.token_hex(16) if kind == IntegrationKind.PAGERDUTY else "gla_" + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            made = Integration.objects.create(
                project=project, name=slug, kind=kind, digest=digest(value), hint=value[-4:]
            )
    except IntegrityError:
        raise IntegrationError(f"an integration {slug} is in force; revoke it or take another name") from None
    return made, value


def revoke(integration: Integration, now: datetime) -> bool:
    """End a key at once; what it fires is unknown from now on. False when it was revoked before."""
    with transaction.atomic():
        if Integration.objects.filter(pk=integration.pk, revoked_at=None).update(revoked_at=now) != 1:
            return False
        receive.let_go(integration, now)
    return True


def holder(value: str, kind: IntegrationKind) -> Integration | None:
    """The integration in force whose key this is."""
    found = Integration.objects.select_related("project").filter(kind=kind, revoked_at=None)
    return found.filter(digest=digest(value)).first() if value else None


def in_force(project: Project) -> list[Integration]:
    """A project's integrations that are accepted now."""
    return list(project.integrations.filter(revoked_at=None))


def setup(kind: IntegrationKind, key: str) -> str:
    """What to paste into the other tool."""
    scheme, _, rest = settings.PUBLIC_URL.partition("://")
    host, _, prefix = rest.partition("/")
    if kind == IntegrationKind.PAGERDUTY:
        return f"URL {settings.PUBLIC_URL}/v2/enqueue\nrouting_key {key}"
    if kind == IntegrationKind.WEBHOOK:
        return (
            f"curl -H 'Content-Type: application/json' {settings.PUBLIC_URL}/hooks/{key}/ "
            """-d '{"title": "Backup failed", "severity": "critical", "dedup_key": "backup"}'"""
        )
    return "\n".join(
        [
            "# prometheus.yml",
            "alerting:",
            "  alertmanagers:",
            f"    - scheme: {scheme}",
            *([f"      path_prefix: /{prefix}"] if prefix else []),
            "      api_version: v2",
            f"      authorization: {{ credentials: {key} }}",
            f"      static_configs: [{{ targets: ['{host}'] }}]",
        ]
    )
