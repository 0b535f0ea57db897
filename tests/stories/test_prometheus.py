"""Debian's own Prometheus and Alertmanager fire into golive and recover, with short intervals."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from examples.demo.install import Install, free_ports

pytestmark = [pytest.mark.story]
PATIENCE_SECONDS = 120
DESCRIPTION = "The queue of acme holds more than it should."
RULES = """
groups:
  - name: acme
    interval: 1s
    rules:
      - alert: QueueFull
        expr: queue_depth > 10
        labels: { severity: critical, service: acme }
        annotations: { summary: "The queue is full", description: "%s" }
      - alert: DiskLow
        expr: disk_free < 5
        labels: { severity: warning, service: database }
        annotations: { summary: "The disk is low" }
"""
PROMETHEUS = """
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [ %(folder)s/rules.yml ]
alerting:
  alertmanagers:
    - static_configs: [ { targets: [ "127.0.0.1:%(alertmanager)d" ] } ]
    - api_version: v2
      authorization: { credentials: %(key)s }
      static_configs: [ { targets: [ "127.0.0.1:%(golive)d" ] } ]
scrape_configs:
  - job_name: acme
    static_configs: [ { targets: [ "127.0.0.1:%(target)d" ] } ]
"""
ALERTMANAGER = """
route: { receiver: golive, group_wait: 0s, group_interval: 1s, repeat_interval: 1m, group_by: ["..."] }
receivers:
  - name: golive
    webhook_configs:
      - url: http://127.0.0.1:%(golive)d/api/v2/alerts
        http_config: { authorization: { credentials: %(hook)s } }
"""


class Target(BaseHTTPRequestHandler):
    """What Prometheus scrapes: two gauges that the test sets."""

    gauges: ClassVar[dict[str, float]] = {"queue_depth": 1, "disk_free": 50}

    def do_GET(self) -> None:
        body = "".join(f"{name} {value}\n" for name, value in self.gauges.items()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are not worth a line."""


@contextmanager
def program(name: str, *words: str, log: Path) -> Iterator[None]:
    """A program for as long as the context lasts."""
    found = shutil.which(name)
    assert found, f"no {name}: run `make setup`"
    with log.open("wb") as output:
        process = subprocess.Popen([found, *words], stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def watching(golive_up: Install, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Prometheus sends to golive beside its Alertmanager, and the Alertmanager by its webhook; the project's API."""
    folder = tmp_path_factory.mktemp("prometheus")
    golive_up.run("project", "add", "prom")
    key = golive_up.json("integration", "add", "prometheus", "--kind", "alertmanager", "--project", "prom")["key"]
    hook = golive_up.json("integration", "add", "alertmanager", "--kind", "alertmanager", "--project", "prom")["key"]
    token = golive_up.json("token", "create", "--scope", "incidents:read")["token"]
    port, alertmanager, cluster = free_ports(3)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    about: dict[str, Any] = {
        "folder": folder,
        "alertmanager": alertmanager,
        "golive": golive_up.port,
        "target": server.server_port,
        "key": key,
        "hook": hook,
    }
    (folder / "rules.yml").write_text(RULES % DESCRIPTION)
    (folder / "prometheus.yml").write_text(PROMETHEUS % about)
    (folder / "alertmanager.yml").write_text(ALERTMANAGER % about)
    managed = program(
        "prometheus-alertmanager",
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address=127.0.0.1:{alertmanager}",
        f"--cluster.listen-address=127.0.0.1:{cluster}",
        log=folder / "alertmanager.log",
    )
    measured = program(
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--rules.alert.resend-delay=2s",
        log=folder / "prometheus.log",
    )
    with managed, measured, golive_up.client(token) as client:
        yield client
    server.shutdown()


def until(what: str, look: Callable[[], Any]) -> Any:
    """Wait for something; what it is when it is there."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what} did not happen in {PATIENCE_SECONDS} s")


def incident(client: httpx.Client, service: str) -> dict[str, Any] | None:
    """The incident of a service."""
    answer = client.get("projects/prom/incidents").raise_for_status().json()
    found = answer if isinstance(answer, list) else answer["items"]
    return next((one for one in found if one["service"] == service), None)


def test_alerts_fire_and_recover_by_both_ways(watching: httpx.Client) -> None:
    assert incident(watching, "acme") is None
    Target.gauges["queue_depth"] = 99
    began = time.monotonic()
    fired = until("the incident", lambda: incident(watching, "acme"))
    print(f"Prometheus → incident: {time.monotonic() - began:.1f} s")
    assert (fired["title"], fired["severity"]) == ("The queue is full", "critical")

    def both() -> dict[str, Any] | None:
        one = incident(watching, "acme")
        names = {source.split(":")[1] for source in one["sources"]} if one else set()
        return one if names == {"prometheus", "alertmanager"} else None

    until("the same alert by both ways, in one incident", both)
    Target.gauges["queue_depth"] = 1
    began = time.monotonic()
    over = until("recovery", lambda: (one := incident(watching, "acme")) and one["mitigated_at"] and one)
    print(f"recovery: {time.monotonic() - began:.1f} s")
    told = watching.get(f"projects/prom/incidents/{over['number']}").raise_for_status().json()
    texts = [line["text"] for line in told["timeline"]]
    assert f"The queue is full: {DESCRIPTION}" in texts
    recovered = "The queue is full has recovered: its sender says that it has ended"
    assert [text for text in texts if "has recovered" in text] == [recovered] * 2


def test_a_warning_is_a_warning_and_a_restarted_golive_goes_on(watching: httpx.Client, golive_up: Install) -> None:
    Target.gauges["disk_free"] = 1
    fired = until("the incident", lambda: incident(watching, "database"))
    assert fired["severity"] == "warning"
    old = golive_up.kill("web")
    golive_up.wait_back("web", old)
    Target.gauges["disk_free"] = 50
    until("recovery", lambda: (one := incident(watching, "database")) and one["mitigated_at"])
