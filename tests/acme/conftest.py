"""acme's own virtual environment, made once, and a running acme that sends its telemetry to a collector."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from golive.sandbox.hosting import Hosted
from tests.acme.collector import Collector
from tests.acme.product import ACME, Product, running_product

UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="session")
def acme_environment() -> Path:
    """The folder of acme, with its virtual environment in place."""
    subprocess.run(["make", "-s", "-C", str(ACME), f"UV={UV}", "setup"], check=True)
    return ACME


@pytest.fixture(scope="module")
def collector() -> Collector:
    return Collector()


@pytest.fixture(scope="module")
def product(
    acme_environment: Path, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    with Hosted(collector.app) as receiver:
        telemetry = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20gli_story",
            "OTEL_SERVICE_NAME": "acme",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=demo,service.version=1.2.3",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "SENTRY_DSN": receiver.url.replace("http://", f"http://{'a' * 32}@") + "/7",
            "SENTRY_RELEASE": "1.2.3",
        }
        with running_product(tmp_path_factory.mktemp("product"), telemetry) as running:
            yield running
