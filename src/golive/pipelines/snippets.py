"""The lines that make a product send its telemetry, by framework."""

PYTHON = """\
To see errors, traces and logs, install the SDKs and start under them:
  uv pip install sentry-sdk opentelemetry-distro opentelemetry-exporter-otlp
  opentelemetry-bootstrap -a install
  opentelemetry-instrument <your start command>
`golive project add NAME` prints the variables that they read."""
NODE = """\
To see errors, traces and logs, install the SDKs and start under them:
  npm install @sentry/node @opentelemetry/auto-instrumentations-node
  node --require @opentelemetry/auto-instrumentations-node/register <your start file>
`golive project add NAME` prints the variables that they read."""


def instrumentation(framework: str) -> str:
    """What to add for a framework."""
    return PYTHON if framework in ("Django", "FastAPI", "Flask", "Starlette", "Python", "") else NODE
