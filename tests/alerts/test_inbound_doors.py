"""Alerts of other tools from the request to the incident and back, and who is turned away."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from golive.alerts.commands import app
from golive.alerts.inbound import doors, integrations, receive
from golive.alerts.inbound.event import Event
from golive.alerts.inbound.machine import Standing, forget, hear, wait
from golive.alerts.inbound.rate import Rate
from golive.alerts.models import Flip, Integration, IntegrationKind, OutsideAlert, Severity, State
from golive.incidents.intake import take_flips
from golive.incidents.models import Incident
from golive.people.models import AuditEntry, Project, Role, User

pytestmark = pytest.mark.django_db
LABELS = {"alertname": "Down", "job": "web", "severity": "critical"}
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FIRING = Standing(State.FIRING, Severity.CRITICAL, NOW)


@pytest.fixture(autouse=True)
def _fresh_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_rate", Rate())


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="acme", name="Acme")


def made(project: Project, kind: IntegrationKind) -> tuple[Integration, str]:
    return integrations.create(project, f"our {kind}", kind)


def post(path: str, body: Any, key: str = "") -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Client(enforce_csrf_checks=True).post(path, body, content_type="application/json", headers=headers)


def test_the_state_machine() -> None:
    fires, warns, ends = Event("k", "t", True), Event("k", "t", True, Severity.WARNING), Event("k", "t", False)
    table = [
        (Standing(), fires, True, State.FIRING),
        (FIRING, fires, False, State.FIRING),
        (FIRING, warns, True, State.FIRING),
        (FIRING, ends, True, State.OK),
        (Standing(), ends, False, State.OK),
        (Standing(State.UNKNOWN), ends, True, State.OK),
        (Standing(State.UNKNOWN), fires, True, State.FIRING),
    ]
    for standing, event, flips, new in table:
        move = hear(standing, event)
        assert (move.flips, move.new, bool(move.reason)) == (flips, new, True), (standing, event)
    assert wait(FIRING, NOW - timedelta(seconds=1)) is None
    ended = wait(FIRING, NOW)
    assert ended is not None
    assert ended.new == State.OK
    assert wait(Standing(State.FIRING), NOW) is None
    assert forget(Standing()) is None


def test_a_prometheus_opens_one_incident_and_its_silence_ends_it(project: Project) -> None:
    integration, key = made(project, IntegrationKind.ALERTMANAGER)
    for _ in range(3):
        answer = post("/api/v2/alerts", [{"labels": LABELS, "annotations": {"summary": "web is down"}}], key)
        assert (answer.status_code, answer.content) == (200, b"")
    flip = Flip.objects.get()
    assert flip.source.startswith("external:our-alertmanager:")
    take_flips(timezone.now())
    incident = Incident.objects.get()
    assert (incident.title, incident.service, incident.severity) == ("web is down", "web", "critical")

    assert receive.expire(timezone.now() + timedelta(minutes=4, seconds=50)) == 0
    assert receive.expire(timezone.now() + timedelta(minutes=5, seconds=1)) == 1
    take_flips(timezone.now())
    incident.refresh_from_db()
    assert incident.state == "mitigated"
    assert integration.alerts.get().state == State.OK
    assert receive.expire(timezone.now() + timedelta(days=8)) == 0
    assert not OutsideAlert.objects.exists()


def test_pagerduty_triggers_and_resolves(project: Project) -> None:
    _, key = made(project, IntegrationKind.PAGERDUTY)
    assert len(key) == 32
    payload = {"summary": "Disk full", "source": "db-1", "severity": "critical"}
    event = {"routing_key": key, "event_action": "trigger", "dedup_key": "disk", "payload": payload}
    answer = post("/v2/enqueue", event)
    assert (answer.status_code, answer.json()["dedup_key"]) == (202, "disk")
    assert post("/v2/enqueue", {"routing_key": key, "event_action": "resolve", "dedup_key": "disk"}).status_code == 202
    assert list(Flip.objects.order_by("id").values_list("source", "new")) == [
        ("external:our-pagerduty:disk", "firing"),
        ("external:our-pagerduty:disk", "ok"),
    ]
    refused = post("/v2/enqueue", event | {"payload": {}})
    assert (refused.status_code, refused.json()["status"]) == (400, "invalid event")
    assert refused.json()["errors"] == ["payload.summary is missing"]


def test_webhook(project: Project) -> None:
    _, key = made(project, IntegrationKind.WEBHOOK)
    answer = post(f"/hooks/{key}/", {"title": "Backup failed", "severity": "warning"})
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "dedup_key": "Backup failed"})
    assert post(f"/hooks/{key}/", {"title": "Backup failed", "status": "resolved"}).status_code == 202
    assert list(Flip.objects.order_by("id").values_list("new", "severity")) == [
        ("firing", "warning"),
        ("ok", "warning"),
    ]


def test_the_good_alerts_of_a_batch_are_taken_and_the_bad_ones_named(project: Project) -> None:
    _, key = made(project, IntegrationKind.ALERTMANAGER)
    answer = post("/api/v2/alerts", [{"labels": {}}, {"labels": LABELS}], key)
    assert answer.status_code == 400
    assert "alert 0: labels is missing" in answer.json()["error"]["message"]
    assert Flip.objects.count() == 1


def test_who_is_turned_away(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    integration, key = made(project, IntegrationKind.WEBHOOK)
    _, other = made(project, IntegrationKind.PAGERDUTY)
    assert post("/api/v2/alerts", [], "wrong").status_code == 401
    assert post("/api/v2/alerts", [], key).status_code == 401  # a key works for its own format only
    assert post(f"/hooks/{other}/", {"title": "x"}).status_code == 404
    assert post("/v2/enqueue", {"routing_key": key}).status_code == 400
    assert Client().get(f"/hooks/{key}/").status_code == 405
    assert post(f"/hooks/{key}/", b"{").status_code == 400
    assert post(f"/hooks/{key}/", b'{"title": "\\u0000"}').status_code == 400
    assert post(f"/hooks/{key}/", b" " * (1024 * 1024 + 1)).status_code == 413
    monkeypatch.setattr(doors, "_rate", Rate(per_second=0.01, burst=1))
    assert post(f"/hooks/{key}/", {"title": "x", "status": "ok"}).status_code == 202
    limited = post(f"/hooks/{key}/", {"title": "x"})
    assert (limited.status_code, limited["Retry-After"]) == (429, "100")
    assert integrations.revoke(integration, timezone.now())
    assert post(f"/hooks/{key}/", {"title": "x"}).status_code == 404
    assert not Flip.objects.exists()


def test_what_a_revoked_integration_fired_is_unknown(project: Project) -> None:
    integration, key = made(project, IntegrationKind.WEBHOOK)
    post(f"/hooks/{key}/", {"title": "Backup failed"})
    assert integrations.revoke(integration, timezone.now())
    assert not integrations.revoke(integration, timezone.now())
    assert Flip.objects.latest("id").new == State.UNKNOWN
    made(project, IntegrationKind.WEBHOOK)  # the name is free again


def test_more_than_enough_firing_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "MOST_FIRING", 1)
    _, key = made(project, IntegrationKind.WEBHOOK)
    assert post(f"/hooks/{key}/", {"title": "a"}).status_code == 202
    assert post(f"/hooks/{key}/", {"title": "b"}).status_code == 429
    assert post(f"/hooks/{key}/", {"title": "a", "status": "ok"}).status_code == 202


def test_keys_are_made_and_revoked_in_the_console(project: Project) -> None:
    client = Client()
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.ADMIN, "Ada"))
    assert "No other tool sends alerts" in client.get("/p/acme/integrations/").content.decode()
    client.post("/p/acme/integrations/new/", {"name": "Prometheus", "kind": "alertmanager"})
    assert "credentials: gla_" in client.get("/p/acme/integrations/").content.decode()
    page = client.get("/p/acme/integrations/").content.decode()
    assert "credentials: gla_" not in page
    again = client.post("/p/acme/integrations/new/", {"name": "Prometheus", "kind": "alertmanager"}, follow=True)
    assert "in force" in again.content.decode()
    client.post(f"/p/acme/integrations/{Integration.objects.get().pk}/revoke/")
    assert integrations.in_force(project) == []
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "integration.create",
        "integration.revoke",
    ]
    viewer = Client()
    viewer.force_login(User.objects.create_person("eve@acme.example", "correct horse battery", Role.VIEWER, "Eve"))
    assert viewer.post("/p/acme/integrations/new/", {"name": "x", "kind": "webhook"}).status_code == 403


def test_keys_are_made_and_revoked_on_the_command_line(project: Project) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["integration", *arguments])

    assert "routing_key " in run("add", "nagios", "--kind", "pagerduty").stdout
    assert run("add", "nagios", "--kind", "pagerduty").exit_code == 3
    assert "nagios" in run("list").stdout
    assert run("revoke", "nagios").exit_code == 0
    assert run("revoke", "nagios").exit_code == 3
