"""Where applications send to, and the environment variables that tell them."""

import os
from urllib.parse import quote, urlsplit

from django.conf import settings

from golive.kit import synthetic
from golive.people.models import Project

_ANYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not bound to


def ingest_base() -> str:
    """The base address of ingest: GOLIVE_INGEST_URL, or this machine's name and GOLIVE_INGEST_PORT."""
    if given := os.environ.get("GOLIVE_INGEST_URL"):
        return given.rstrip("/")
    host = os.environ.get("GOLIVE_HOST", "127.0.0.1")
    if host in _ANYWHERE:
        host = urlsplit(settings.PUBLIC_URL).hostname or "127.0.0.1"
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{os.environ.get('GOLIVE_INGEST_PORT', '4318')}"


def dsn(project: Project, public_key: str) -> str:
    """The project's Sentry DSN."""
    scheme, _, rest = ingest_base().partition("://")
    return f"{scheme}://{public_key}@{rest}/{project.pk}"


def environment(project: Project, ingest_key: str, public_key: str, service: str = "") -> dict[str, str]:
    """What to set so that the OpenTelemetry and Sentry SDKs send here.

    Header values are percent-encoded as the OpenTelemetry specification demands (W3C Baggage), so the space
    after Bearer is %20.
    """
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": ingest_base(),
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization={quote(f'Bearer {ingest_key}', safe='')}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": service or project.slug,
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=production",
        "SENTRY_DSN": dsn(project, public_key),
        "SENTRY_ENVIRONMENT": "production",
        "GOLIVE_SYNTHETIC_KEY": synthetic.key(),
    }
