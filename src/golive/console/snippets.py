"""What to paste into an application so that it sends here, with the project's real address and key."""

from dataclasses import dataclass
from urllib.parse import quote

from golive.people import endpoints
from golive.people.models import Project

PLACE = "YOUR_INGEST_KEY"

_PYTHON_INSTALL = (
    "pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http\nopentelemetry-bootstrap -a install"
)


@dataclass(frozen=True)
class Snippet:
    """A piece to paste: `name` is its anchor, `text` what is copied."""

    name: str
    title: str
    note: str
    text: str


def all_for(project: Project, ingest_key: str, public_key: str) -> list[Snippet]:
    """The snippets of a project; `ingest_key` may be the placeholder."""
    variables = endpoints.environment(project, ingest_key, public_key)
    base, header = endpoints.ingest_base(), quote(f"Bearer {ingest_key}", safe="")
    exports = "\n".join(f'export {name}="{value}"' for name, value in variables.items())
    return [
        Snippet("environment", "Environment", "Every OpenTelemetry and Sentry SDK reads these.", exports),
        Snippet(
            "fastapi",
            "FastAPI",
            "Install, then start through opentelemetry-instrument with the environment above.",
            f"{_PYTHON_INSTALL}\n"
            "export OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true\n"
            "opentelemetry-instrument uvicorn app:app",
        ),
        Snippet(
            "django",
            "Django",
            "Install, then start through opentelemetry-instrument with the environment above.",
            f"{_PYTHON_INSTALL}\n"
            "export OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true\n"
            f"export DJANGO_SETTINGS_MODULE={project.slug.replace('-', '_')}.settings\n"
            f"opentelemetry-instrument gunicorn {project.slug.replace('-', '_')}.wsgi",
        ),
        Snippet(
            "flask",
            "Flask",
            "Install, then start through opentelemetry-instrument with the environment above.",
            f"{_PYTHON_INSTALL}\n"
            "export OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true\n"
            "opentelemetry-instrument flask --app app run",
        ),
        Snippet(
            "node",
            "Node",
            "Install, then start as ever with the environment above.",
            "npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node\n"
            'export NODE_OPTIONS="--require @opentelemetry/auto-instrumentations-node/register"\n'
            "node server.js",
        ),
        Snippet(
            "errors",
            "Errors in Python",
            "The Sentry SDK reports errors with stack traces; it reads SENTRY_DSN.",
            "pip install sentry-sdk\n\n"
            f'import sentry_sdk\n\nsentry_sdk.init(dsn="{variables["SENTRY_DSN"]}", environment="production")',
        ),
        Snippet(
            "browser",
            "Browser",
            "Only the DSN's key, which is public, belongs into a page.",
            "npm install @sentry/browser\n\n"
            'import * as Sentry from "@sentry/browser";\n\n'
            f'Sentry.init({{ dsn: "{variables["SENTRY_DSN"]}", environment: "production" }});',
        ),
        Snippet(
            "events",
            "Business events",
            "Signups, logins and payments are log records with an event name: the home page counts them.",
            "import logging\n\n"
            'log = logging.getLogger("business")\n'
            'log.info("signed up", extra={"event.name": "user.signed_up", "user.id": user.id})\n'
            'log.info("paid", extra={"event.name": "payment.succeeded", "user.id": user.id,\n'
            '                       "amount_minor": 2900, "currency": "EUR"})',
        ),
        Snippet(
            "curl",
            "curl",
            "One log record by hand, to see that it arrives.",
            f"curl -sS {base}/v1/logs \\\n"
            f"  -H 'Authorization: Bearer {ingest_key}' -H 'Content-Type: application/json' \\\n"
            '  -d \'{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name",'
            f'"value":{{"stringValue":"{project.slug}"}}}}]}},'
            '"scopeLogs":[{"logRecords":[{"severityText":"INFO","severityNumber":9,'
            '"body":{"stringValue":"hello from curl"}}]}]}]}\'',
        ),
        Snippet(
            "collector",
            "Collector",
            "An exporter for an OpenTelemetry Collector that you run already.",
            "exporters:\n"
            "  otlphttp/golive:\n"
            f"    endpoint: {base}\n"
            "    headers:\n"
            f'      Authorization: "{header.replace("%20", " ")}"',
        ),
    ]
